"""Implements the network of a reward classifier: an image encoder and a head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from serl_rl.models.mlp import LAYER_NORM_EPSILON
from serl_rl.models.vision.factory import make_image_encoder
from serl_rl.models.vision.feature_memo import FeatureMemo
from serl_rl.models.vision.image_encoder import ImageEncoder
from serl_rl.rewards.classifier.config import ClassifierConfig

FAILURE, SUCCESS = "failure", "success"
BINARY_CLASSES = (FAILURE, SUCCESS)
"""Classes of a binary classifier, in the order of their indices."""


@dataclass(frozen=True, kw_only=True)
class ClassifierSpec:
    """Describes the cameras and classes of a classifier."""

    classes: tuple[str, ...] = BINARY_CLASSES
    """Names of the classes."""
    success_class: str = SUCCESS
    """The one that means that the task is done."""
    image_sizes: Mapping[str, tuple[int, int]]
    """Height and width of each camera's images, px, in the order in which they enter."""

    def __post_init__(self) -> None:
        if len(set(self.classes)) != len(self.classes) or len(self.classes) < 2:
            raise ValueError(f"classes are {', '.join(self.classes) or 'none'}; give at least two different names")
        if self.success_class not in self.classes:
            raise ValueError(f"success_class is {self.success_class!r}; it must be one of {', '.join(self.classes)}")

    @property
    def success_index(self) -> int:
        """Returns the index of the class that means success."""
        return self.classes.index(self.success_class)

    @property
    def cameras(self) -> tuple[str, ...]:
        """Returns the names of the cameras, in order."""
        return tuple(self.image_sizes)


class ClassifierHead(nn.Module):
    """Computes dense, dropout, layer normalisation, ReLU, dense."""

    def __init__(self, inputs: int, outputs: int, config: ClassifierConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.hidden = nn.Linear(inputs, config.hidden_size)
        self.dropout = nn.Dropout(config.dropout)
        self.normalization = nn.LayerNorm(config.hidden_size, eps=LAYER_NORM_EPSILON)
        self.output = nn.Linear(config.hidden_size, outputs)
        for layer in (self.hidden, self.output):
            nn.init.xavier_uniform_(layer.weight, generator=generator)
            nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Maps shape (B, inputs) to (B, outputs)."""
        return self.output(torch.relu(self.normalization(self.dropout(self.hidden(features)))))


class RewardClassifier(nn.Module):
    """Computes probabilities of classes from the images of one or more cameras."""

    def __init__(self, spec: ClassifierSpec, config: ClassifierConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.spec = spec
        self.config = config
        self.encoder: ImageEncoder = make_image_encoder(config.encoder, spec.image_sizes, generator)
        outputs = 1 if len(spec.classes) == 2 else len(spec.classes)
        self.head = ClassifierHead(self.encoder.output_size, outputs, config, generator)
        self._memo: FeatureMemo | None = None
        self.temperature: Tensor
        self.register_buffer("temperature", torch.ones(()))

    def forward(self, images: Mapping[str, Tensor]) -> Tensor:
        """Computes scores of the classes before calibration.

        Args:
            images: By camera, uint8 of shape (B, H, W, 3).

        Returns:
            Logits of shape (B, classes); of two classes the first is 0.

        Raises:
            ValueError: A camera is missing or its images have another type or size.
        """
        return self.forward_features(self.encoder.features(images))

    def forward_features(self, maps: Mapping[str, Tensor]) -> Tensor:
        """Computes scores from feature maps, such as `encoder.features` returned them; otherwise as `forward`."""
        logits = self.head(self.encoder.forward_features(maps))
        return torch.cat([torch.zeros_like(logits), logits], dim=-1) if logits.shape[1] == 1 else logits

    def calibrated(self, logits: Tensor) -> Tensor:
        """Computes probabilities of scores: softmax(logits / temperature). Shape (B, classes)."""
        return torch.softmax(logits / self.temperature, dim=-1)

    def share(self, memo: FeatureMemo) -> bool:
        """Reads the maps of others who see the same images; returns whether the backbone is the same."""
        fits = all(memo.fits(self.encoder.backbone(camera)) for camera in self.spec.cameras)
        if fits:
            self._memo = memo
        return fits

    @torch.no_grad()
    def classify(self, observation: Mapping[str, np.ndarray]) -> np.ndarray:
        """Computes the probabilities of the classes for one observation.

        Args:
            observation: By name; the images of this classifier's cameras are read, uint8 of shape (H, W, 3). Of a
                stack of frames, shape (N, H, W, 3), the newest counts.

        Returns:
            float64 of shape (classes,).

        Raises:
            ValueError: A camera is missing or its image has another type or size.
        """
        frames = {name: newest_frame(observation[name]) for name in self.spec.cameras if name in observation}
        if self._memo is None:
            device = self.temperature.device
            logits = self({camera: torch.from_numpy(frame).to(device)[None] for camera, frame in frames.items()})
        else:
            maps = {camera: self._memo.maps(frame).float() for camera, frame in frames.items()}
            logits = self.forward_features(maps)
        return self.calibrated(logits)[0].double().cpu().numpy()


def newest_frame(image: np.ndarray) -> np.ndarray:
    """Copies the last of a stack of frames, or the image itself."""
    return np.array(image[-1] if image.ndim == 4 else image)


def image_cameras(observation: Mapping[str, np.ndarray], wanted: Sequence[str] = ()) -> tuple[str, ...]:
    """Returns the names of an observation's images.

    Args:
        observation: By name, with leading dimensions or without.
        wanted: Those to take, in this order; all when empty.

    Returns:
        Names, in the observation's order unless `wanted` says another.

    Raises:
        ValueError: One that is wanted is no image of the observation.
    """
    found = tuple(name for name, value in observation.items() if value.dtype == np.uint8 and value.shape[-1] == 3)
    for camera in wanted:
        if camera not in found:
            raise ValueError(f"the observation has no camera {camera!r}; it has {', '.join(found) or 'none'}")
    return tuple(wanted) or found
