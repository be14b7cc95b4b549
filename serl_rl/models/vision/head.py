"""Implements image heads: the trained part of an encoder, from feature maps to a vector for each camera."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from serl_rl.models.mlp import Arithmetic, HiddenLayer
from serl_rl.models.vision.encoder_config import HeadConfig
from serl_rl.models.vision.initialization import truncated_normal_
from serl_rl.models.vision.pooling import make_pooling

FeatureShape = tuple[int, int, int]
"""Channels, height and width of the feature maps of one image."""


class ImageHead(nn.Module):
    """Pools, drops out learned embeddings, then dense, layer normalisation, tanh.

    Args:
        shape: Channels, height and width of the maps.
        config: Settings.
        arithmetic: How the products compute; normalisation and tanh stay in float32.
        generator: Source of the initial weights.
    """

    def __init__(
        self, shape: FeatureShape, config: HeadConfig, arithmetic: Arithmetic, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.shape = shape
        self._dtype = arithmetic.product_dtype
        self.pooling, pooled = make_pooling(config.pooling, shape, config.embeddings, generator)
        self.dropout = nn.Dropout(config.dropout if config.pooling == "learned" else 0.0)
        self.bottleneck = None
        if config.bottleneck is not None:
            self.bottleneck = HiddenLayer(pooled, config.bottleneck, None, arithmetic, generator)
            with torch.no_grad():
                truncated_normal_(self.bottleneck.affine.weight, 1 / pooled, generator)
        self.output_size = config.bottleneck or pooled

    def forward(self, maps: Tensor) -> Tensor:
        """Maps shape (B, C, h, w) of any floating type to float32 of shape (B, output_size)."""
        pooled = self.dropout(self.pooling(maps.to(self._dtype)))
        return pooled.float() if self.bottleneck is None else self.bottleneck(pooled)


class CameraHeads(nn.Module):
    """Holds one head a camera; their vectors are concatenated in the order of the cameras.

    Args:
        shapes: Shape of the maps of each camera, in the order of the output.
        config: Settings.
        arithmetic: How the products compute.
        generator: Source of the initial weights.
    """

    def __init__(
        self,
        shapes: Mapping[str, FeatureShape],
        config: HeadConfig,
        arithmetic: Arithmetic,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        if not shapes:
            raise ValueError("an image encoder needs at least one camera")
        self.cameras = tuple(shapes)
        self.heads = nn.ModuleList(ImageHead(shape, config, arithmetic, generator) for shape in shapes.values())
        self.shapes = dict(shapes)
        self.output_size = sum(self.head(camera).output_size for camera in self.cameras)

    def head(self, camera: str) -> ImageHead:
        """Returns the head of a camera."""
        head = self.heads[self.cameras.index(camera)]
        assert isinstance(head, ImageHead)
        return head

    def forward(self, maps: Mapping[str, Tensor]) -> Tensor:
        """Reduces maps.

        Args:
            maps: By camera, shape (B, C, h, w) of any floating type. Others than this encoder's cameras are ignored.

        Returns:
            float32 of shape (B, output_size).

        Raises:
            ValueError: A camera is missing or its maps have another shape.
        """
        require_cameras(self.cameras, maps)
        for camera in self.cameras:
            shape = tuple(maps[camera].shape[1:])
            if shape != self.shapes[camera]:
                raise ValueError(
                    f"the maps of camera {camera!r} have shape {shape}; this head needs {self.shapes[camera]}"
                )
        return torch.cat([self.head(camera)(maps[camera]) for camera in self.cameras], dim=-1)


def require_cameras(cameras: Sequence[str], given: Mapping[str, Tensor]) -> None:
    """Refuses an observation without one of the cameras.

    Raises:
        ValueError: One is missing.
    """
    for camera in cameras:
        if camera not in given:
            found = ", ".join(sorted(given)) or "none"
            raise ValueError(f"the observation has no camera {camera!r}; it has {found}")
