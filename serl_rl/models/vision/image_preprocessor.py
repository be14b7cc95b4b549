"""Prepares batches of images, or of cached feature maps, for the networks."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from serl_rl.models.mlp import Arithmetic
from serl_rl.models.perception import Perception
from serl_rl.models.vision.augmentation import draw_shifts, shifted
from serl_rl.models.vision.config import VisionConfig
from serl_rl.models.vision.factory import make_image_encoder
from serl_rl.models.vision.frozen_backbone import FrozenVision
from serl_rl.models.vision.head import CameraHeads
from serl_rl.models.vision.image_encoder import ImageEncoder
from serl_rl.models.vision.weights.files import load_heads
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec, SpecError

log = logging.getLogger(__name__)


def cameras_of(spec: EnvironmentSpec) -> tuple[ArraySpec, ...]:
    """Returns the observation's images, in order.

    Raises:
        SpecError: An array is neither a flat vector nor an RGB image.
    """
    others = [array for array in spec.observation if not array.is_vector]
    for array in others:
        if array.dtype != np.uint8 or len(array.shape) != 3 or array.shape[2] != 3:
            raise SpecError(
                f"the observation {array.name!r} is {array.dtype} of shape {array.shape}; an image must be uint8 of "
                "shape (height, width, 3): RGB"
            )
    return tuple(others)


class ImagePreprocessor:
    """Turns the images of a batch into what `Perception` reads: random crops, then the frozen backbone if there is one.

    Args:
        spec: What the environment observes; at least one camera.
        config: How to see.
        device: Where to compute.

    Raises:
        SpecError: An array is neither a flat vector nor an RGB image.
        ValueError: An image is too small, or there is no such backbone.
        WeightsError: The weight file cannot be used.
    """

    def __init__(self, spec: EnvironmentSpec, config: VisionConfig, device: torch.device) -> None:
        self.config = config
        self.device = device
        self._vector_size = spec.vector_size
        self._arrays = {array.name: array for array in cameras_of(spec)}
        self.cameras = tuple(self._arrays)
        """Names of the cameras."""
        self._sizes = {name: (array.shape[0], array.shape[1]) for name, array in self._arrays.items()}
        backbone = config.encoder.backbone
        self.frozen = FrozenVision(backbone, self._sizes, device) if backbone.frozen else None
        """The frozen backbone; None for one that is trained."""

    def make_perception(self, arithmetic: Arithmetic, generator: torch.Generator) -> Perception:
        """Makes the networks that encode its output and flat vectors into one vector, on the CPU."""
        images = self.make_images(arithmetic, generator)
        return Perception(images, self._vector_size, self.config.proprioception_features, generator)

    def make_images(self, arithmetic: Arithmetic, generator: torch.Generator) -> CameraHeads | ImageEncoder:
        """Makes the networks that encode its output into one vector of all cameras, on the CPU."""
        config = self.config
        if self.frozen is None:
            images = make_image_encoder(config.encoder, self._sizes, generator, arithmetic)
        else:
            shapes = {name: self._stacked(shape) for name, shape in self.frozen.feature_shapes.items()}
            images = CameraHeads(shapes, config.encoder.head, arithmetic, generator)
        weights = config.encoder.backbone.weights
        if weights is not None and config.encoder.head.pretrained:
            found = load_heads(images if isinstance(images, CameraHeads) else images.heads, weights)
            log.info("heads that start from %s: %s", weights, ", ".join(found) or "none")
        return images

    def __call__(
        self, observations: Mapping[str, Tensor], generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """Prepares the cameras of N observations.

        Args:
            observations: By name. A camera's images are uint8 of shape (N, H, W, 3), or (N, F, H, W, 3) for stacks of F
                frames. Feature maps that were kept, (N, h, w, C) or (N, F, h, w, C), pass through.
            generator: Source of the random crops, one for each observation and the same in all cameras; None for none.
                Kept maps were cropped when they were made.

        Returns:
            By camera, feature maps of shape (N, F * C, h, w), channels last in memory, or cropped images of shape
                (N, H, W, 3).
        """
        arrays = {name: observations[name] for name in self._arrays}
        if next(iter(arrays.values())).dtype != torch.uint8:
            return {name: _channels_second(array) for name, array in arrays.items()}
        shifts = None
        if generator is not None and self.config.largest_shift:
            count = len(next(iter(arrays.values())))
            shifts = draw_shifts(count, generator, self.config.largest_shift)
        if self.frozen is not None:
            is_stack = self.config.frame_stack > 1
            return self.frozen.stacked_maps(arrays, shifts) if is_stack else self.frozen.maps(arrays, shifts)
        return arrays if shifts is None else {name: shifted(array, shifts) for name, array in arrays.items()}

    def kept_shapes(self) -> dict[str, tuple[int, int, int]]:
        """Returns height, width and channels of the maps of one image of each camera, as they are kept."""
        shapes = {} if self.frozen is None else self.frozen.feature_shapes
        return {name: (height, width, channels) for name, (channels, height, width) in shapes.items()}

    def blank(self, *lead: int, kept: bool) -> dict[str, Tensor]:
        """Makes black images, or zero maps as they are kept, of some leading shape; for compiling."""
        stack = (self.config.frame_stack,) if self.config.frame_stack > 1 else ()
        if kept and self.frozen is not None:
            shapes = self.kept_shapes()
            return {name: torch.zeros(*lead, *stack, *shape, dtype=torch.bfloat16) for name, shape in shapes.items()}
        return {
            name: torch.zeros(*lead, *stack, *array.shape, dtype=torch.uint8) for name, array in self._arrays.items()
        }

    def _stacked(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        channels, height, width = shape
        return channels * self.config.frame_stack, height, width


def _channels_second(maps: Tensor) -> Tensor:
    """Views (N, h, w, C) as (N, C, h, w), or (N, F, h, w, C) as (N, F * C, h, w); memory stays as it is."""
    if maps.dim() == 5:
        maps = maps.permute(0, 2, 3, 1, 4).flatten(3)
    return maps.permute(0, 3, 1, 2)
