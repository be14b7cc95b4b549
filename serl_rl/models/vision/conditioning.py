"""Conditions encoders on images of the goal or on the embedding of a sentence."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from serl_rl.models.mlp import Arithmetic, HiddenLayer
from serl_rl.models.vision.image_encoder import ImageEncoder

_LANGUAGE_FEATURES = 64


class GoalConditionedEncoder(nn.Module):
    """Encodes observation and goal, side by side.

    Args:
        encoder: Encodes the observation's images.
        goal_encoder: Encodes the goal's images; None takes the observation's encoder for both.
    """

    def __init__(self, encoder: ImageEncoder, goal_encoder: ImageEncoder | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        self.goal_encoder = encoder if goal_encoder is None else goal_encoder

    @property
    def output_size(self) -> int:
        """Returns the number of components of the output: those of the observation, then those of the goal."""
        return self.encoder.output_size + self.goal_encoder.output_size

    def forward(self, images: Mapping[str, Tensor], goals: Mapping[str, Tensor]) -> Tensor:
        """Encodes.

        Args:
            images: Of the observation, by camera, uint8 of shape (B, H, W, 3).
            goals: Of the goal, likewise; of batch size B, or 1 for one goal of all.

        Returns:
            float32 of shape (B, output_size).

        Raises:
            ValueError: A camera is missing or its images have another type or size.
        """
        observed = self.encoder(images)
        wanted = self.goal_encoder(goals)
        return torch.cat([observed, wanted.expand(len(observed), -1)], dim=-1)


class LanguageConditionedEncoder(nn.Module):
    """Encodes images under an instruction, which comes as the embedding of a sentence by any language model.

    A conditioned backbone (`BackboneConfig.condition_size`) is modulated by the embedding, as in SERL. The embedding,
    reduced to 64 features, also stands beside the image features, so that a frozen backbone can be told as well.

    Args:
        encoder: Encodes the images.
        embedding_size: Components of the embedding; a conditioned backbone needs as many.
        generator: Source of the initial weights.
        arithmetic: How the products compute.

    Raises:
        ValueError: A conditioned backbone needs another size.
    """

    def __init__(
        self,
        encoder: ImageEncoder,
        embedding_size: int,
        generator: torch.Generator,
        arithmetic: Arithmetic | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        sizes = {encoder.backbone(camera).condition_size for camera in encoder.cameras}
        if sizes not in ({None}, {embedding_size}):
            raise ValueError(f"embedding_size is {embedding_size}, but the backbones take conditions of {sizes}")
        self._modulates = sizes == {embedding_size}
        self.embedding_size = embedding_size
        self.reduction = HiddenLayer(embedding_size, _LANGUAGE_FEATURES, None, arithmetic or Arithmetic(), generator)

    @property
    def output_size(self) -> int:
        """Returns the number of components of the output: those of the images, then those of the instruction."""
        return self.encoder.output_size + _LANGUAGE_FEATURES

    def forward(self, images: Mapping[str, Tensor], embeddings: Tensor) -> Tensor:
        """Encodes.

        Args:
            images: By camera, uint8 of shape (B, H, W, 3).
            embeddings: Of the instruction, shape (B, embedding_size) or (1, embedding_size) for one of all.

        Returns:
            float32 of shape (B, output_size).

        Raises:
            ValueError: The embedding has another size, or as `ImageEncoder`.
        """
        if embeddings.dim() != 2 or embeddings.shape[1] != self.embedding_size:
            shape = tuple(embeddings.shape)
            raise ValueError(f"the embeddings have shape {shape}; this encoder needs (batch, {self.embedding_size})")
        count = len(images[self.encoder.cameras[0]]) if self.encoder.cameras[0] in images else len(embeddings)
        embeddings = embeddings.float().expand(count, -1)
        encoded = self.encoder(images, embeddings if self._modulates else None)
        return torch.cat([encoded, self.reduction(embeddings)], dim=-1)
