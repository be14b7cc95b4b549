"""Defines the interface of backbones: uint8 images in, feature maps out; trained or frozen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Self

import torch
from torch import Tensor, nn

from serl_rl.models.vision.backbones.normalization import ImageScaling


class Backbone(nn.Module, ABC):
    """Computes feature maps of images by convolutions.

    It computes in the type of its weights: `backbone.to(torch.bfloat16)` makes it fast on processors that have
    bfloat16. Weights in `channels_last` memory format are faster on CPUs.

    Args:
        scaling: How images are scaled.
        condition_size: Components of the condition vector that `forward` needs; None for a backbone without one.
    """

    def __init__(self, scaling: ImageScaling, condition_size: int | None = None) -> None:
        super().__init__()
        self.scaling = scaling
        self.condition_size = condition_size
        self._is_frozen = False

    @property
    def is_frozen(self) -> bool:
        """Returns whether the maps of an image never change."""
        return self._is_frozen and self.condition_size is None

    def freeze(self) -> Self:
        """Stops training for good: no gradients, evaluation mode whatever `train` says. Returns itself.

        The layers that take in a condition go on learning, if there are any.
        """
        self._is_frozen = True
        self.requires_grad_(requires_grad=False)
        for layer in self.conditioning_layers():
            layer.requires_grad_(requires_grad=True)
        return self.eval()

    def conditioning_layers(self) -> Iterable[nn.Module]:
        """Layers that take in the condition; none by default."""
        return ()

    def train(self, mode: bool = True) -> Self:  # noqa: FBT001, FBT002 - torch's signature.
        """Switches dropout and batch normalisation; a frozen backbone stays in evaluation mode."""
        return super().train(mode and not self._is_frozen)

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Computes feature maps.

        Args:
            images: uint8 of shape (B, H, W, 3), RGB.
            condition: Shape (B, condition_size); only for a conditioned backbone.

        Returns:
            Feature maps in the type of the weights. Shape (B, C, h, w). Without gradient when frozen.

        Raises:
            ValueError: The images have another type or shape, or the condition is missing or not wanted.
        """
        self._check_condition(images, condition)
        x = self.scaling(images).to(next(self.parameters()).dtype)
        if not self.is_frozen:
            return self.maps(x, condition)
        with torch.no_grad():
            return self.maps(x, condition)

    def feature_shape(self, height: int, width: int) -> tuple[int, int, int]:
        """Channels, height and width of the maps of one image.

        Raises:
            ValueError: The image is too small.
        """
        weight = next(self.parameters())
        blank = torch.zeros(1, 3, height, width, dtype=weight.dtype, device=weight.device)
        condition = None if self.condition_size is None else blank.new_zeros(1, self.condition_size)
        was_training = self.training
        self.eval()
        try:
            with torch.no_grad():
                _, channels, rows, columns = self.maps(blank, condition).shape
        except RuntimeError as error:
            raise ValueError(f"images of {height} x {width} px are too small for this backbone") from error
        finally:
            self.train(was_training)
        return channels, rows, columns

    @abstractmethod
    def maps(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Computes feature maps of scaled images. Shape (B, 3, H, W) to (B, C, h, w)."""

    def _check_condition(self, images: Tensor, condition: Tensor | None) -> None:
        wanted = None if self.condition_size is None else (len(images), self.condition_size)
        given = None if condition is None else tuple(condition.shape)
        if wanted == given:
            return
        if wanted is None:
            raise ValueError("this backbone takes no condition; build it with a condition_size")
        raise ValueError(f"the condition has shape {given}; this backbone needs {wanted}")
