"""Encodes images and proprioception into one vector, for visual policies and critics."""

from __future__ import annotations

from typing import TypeAlias

import torch
from torch import Tensor, nn

from serl_rl.models.critic_ensemble import CriticEnsemble
from serl_rl.models.gaussian_policy import GaussianTanhPolicy
from serl_rl.models.mlp import Arithmetic, HiddenLayer
from serl_rl.models.vision.head import CameraHeads
from serl_rl.models.vision.image_encoder import ImageEncoder

VisualInput: TypeAlias = tuple[Tensor, dict[str, Tensor]]
"""The flat vectors, float32 of shape (B, D), and by camera the maps (B, C, h, w) of a frozen backbone, or the images,
uint8 of shape (B, H, W, 3), for a backbone that is trained."""


class Perception(nn.Module):
    """Joins a vector of each camera and one of the flat vectors: dense, layer normalisation, tanh, as in SERL.

    Args:
        images: What reads the cameras: heads alone where the backbone is frozen, else the whole encoder.
        vector_size: Components of the flat vectors; 0 for none.
        features: Features of the flat vectors in the output.
        generator: Source of the initial weights.
    """

    def __init__(
        self, images: CameraHeads | ImageEncoder, vector_size: int, features: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.images = images
        self.proprioception = None
        self.output_size = images.output_size
        if vector_size:
            self.proprioception = HiddenLayer(vector_size, features, None, Arithmetic(), generator)
            self.output_size += features

    def forward(self, seen: VisualInput, *, learns_images: bool = True) -> Tensor:
        """Reads observations.

        Args:
            seen: The observations.
            learns_images: Whether gradients reach what reads the cameras. Those of the flat vectors always do.

        Returns:
            float32 of shape (B, output_size).
        """
        vector, cameras = seen
        features = self.images(cameras)
        if not learns_images:
            features = features.detach()
        return features if self.proprioception is None else torch.cat([features, self.proprioception(vector)], dim=-1)


class VisualPolicy(nn.Module):
    """Chooses by what is perceived. Its loss trains perception of flat vectors, never that of images."""

    def __init__(self, perception: Perception, policy: GaussianTanhPolicy) -> None:
        super().__init__()
        self.perception = perception
        self.policy = policy

    def forward(self, seen: VisualInput) -> tuple[Tensor, Tensor]:
        """Returns mean and logarithm of the standard deviation before squashing. Shapes (B, A) and (B, A)."""
        return self.policy(self.perception(seen, learns_images=False))


class VisualCritic(nn.Module):
    """Evaluates actions by what is perceived; its loss trains perception."""

    def __init__(self, perception: Perception, ensemble: CriticEnsemble) -> None:
        super().__init__()
        self.perception = perception
        self.ensemble = ensemble

    def forward(self, seen: VisualInput, actions: Tensor, members: Tensor | None = None) -> Tensor:
        """Returns the values; arguments as in `CriticEnsemble.forward`. Shape (M, B) or (N, B)."""
        return self.ensemble(self.perception(seen), actions, members)


def is_trained_by_policy(name: str) -> bool:
    """Returns whether the policy's loss trains a parameter of a `VisualPolicy`."""
    return not name.startswith("perception.images.")
