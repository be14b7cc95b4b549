"""Checks camera images and scales them for convolutions, channels first."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""Mean of ImageNet's red, green and blue, in [0, 1]."""
IMAGENET_STANDARD_DEVIATION = (0.229, 0.224, 0.225)
"""Standard deviation of the same."""


class ImageScaling(nn.Module):
    """Computes (image / 255 - mean) / standard deviation of each colour, in float32 whatever the networks use."""

    def __init__(self, mean: tuple[float, float, float], standard_deviation: tuple[float, float, float]) -> None:
        super().__init__()
        self._scale = tuple(1 / (255 * deviation) for deviation in standard_deviation)
        self._shift = tuple(-m / deviation for m, deviation in zip(mean, standard_deviation, strict=True))
        self.scale: Tensor
        self.shift: Tensor
        self._store(torch.device("cpu"))

    def forward(self, images: Tensor) -> Tensor:
        """Scales.

        Args:
            images: uint8 of shape (B, H, W, 3), RGB.

        Returns:
            float32 of shape (B, 3, H, W), channels last in memory.

        Raises:
            ValueError: The type or shape is another.
        """
        check_images(images)
        return images.permute(0, 3, 1, 2).float() * self.scale + self.shift

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> ImageScaling:  # noqa: FBT001, FBT002 - torch's.
        """Follows a change of device, but not of type: bfloat16 has no room for these constants."""
        super()._apply(fn, recurse)
        self._store(self.scale.device)
        return self

    def _store(self, device: torch.device) -> None:
        for name, values in (("scale", self._scale), ("shift", self._shift)):
            self.register_buffer(name, torch.tensor(values, device=device).view(1, 3, 1, 1), persistent=False)


def imagenet_scaling() -> ImageScaling:
    """Scales to zero mean and unit variance over ImageNet."""
    return ImageScaling(IMAGENET_MEAN, IMAGENET_STANDARD_DEVIATION)


def unit_scaling() -> ImageScaling:
    """Scales to [0, 1]."""
    return ImageScaling((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def check_images(images: Tensor) -> None:
    """Checks that an array is a batch of RGB images.

    Raises:
        ValueError: The type is not uint8 or the shape not (B, H, W, 3).
    """
    shape = tuple(images.shape)
    if images.dtype != torch.uint8:
        raise ValueError(f"images have type {images.dtype}; give uint8 in [0, 255], they are scaled inside")
    if len(shape) == 4 and shape[1] == 3 and shape[3] != 3:
        raise ValueError(f"images have shape {shape}, channels first; give (batch, height, width, 3)")
    if len(shape) != 4 or shape[3] != 3:
        raise ValueError(f"images have shape {shape}; give RGB as (batch, height, width, 3)")
