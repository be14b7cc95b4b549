"""Augments the pictures of a sample: crop, rotation and colours, the same for all of its cameras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor

from serl_api.settings import AT_LEAST_0, Bound, check_fields
from serl_rl.errors import DatasetError


@dataclass(frozen=True, kw_only=True)
class AugmentationConfig:
    """Says how pictures are augmented; the defaults are ACT's."""

    crop: Annotated[float, Bound(0, 1, open_lower=True)] = 0.95
    """Share of height and width that a random crop keeps; it is resized to the picture's size. 1 crops nothing."""
    rotation_deg: Annotated[float, AT_LEAST_0] = 5.0
    """Largest rotation to either side, degrees; 0 rotates nothing."""
    brightness: Annotated[float, AT_LEAST_0] = 0.3
    """Largest share by which the brightness changes."""
    contrast: Annotated[float, AT_LEAST_0] = 0.4
    """Largest share by which the contrast changes."""
    saturation: Annotated[float, AT_LEAST_0] = 0.5
    """Largest share by which the saturation changes."""

    def __post_init__(self) -> None:
        """Refuses values that cannot work."""
        check_fields(self)


class Augmentation:
    """Augments all pictures of a sample alike: one crop, one rotation and one change of colours for all cameras.

    Cameras that look at one scene share its light; and what a policy learns from a shift it would unlearn if one camera
    contradicted the other. Draws come from torch's generator, which a loader seeds in each of its processes.

    Args:
        config: How.
        size: Height and width of the pictures, px.

    Raises:
        DatasetError: torchvision is not installed.
    """

    def __init__(self, config: AugmentationConfig, size: tuple[int, int]) -> None:
        transforms: Any = _transforms()
        steps: list[Any] = []
        if config.crop < 1.0:
            steps.append(transforms.RandomCrop([max(1, round(side * config.crop)) for side in size]))
            steps.append(transforms.Resize(list(size), antialias=True))
        if config.rotation_deg:
            bilinear = transforms.InterpolationMode.BILINEAR
            steps.append(transforms.RandomRotation([-config.rotation_deg, config.rotation_deg], bilinear))
        if config.brightness or config.contrast or config.saturation:
            steps.append(transforms.ColorJitter(config.brightness, config.contrast, config.saturation))
        self._steps: Sequence[Any] = steps

    def __call__(self, images: Tensor) -> Tensor:
        """Augments pictures of shape (K, 3, height, width), float in [0, 1]."""
        for step in self._steps:
            images = step(images)
        return images.clamp(0.0, 1.0)


class Resizing:
    """Resizes pictures of shape (K, 3, height, width), float in [0, 1].

    Args:
        size: Height and width, px.

    Raises:
        DatasetError: torchvision is not installed.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self._resize: Any = _transforms().Resize(list(size), antialias=True)

    def __call__(self, images: Tensor) -> Tensor:
        """Resizes."""
        return torch.clamp(self._resize(images), 0.0, 1.0)


def _transforms() -> Any:  # noqa: ANN401 - the module.
    """Imports torchvision only where pictures are changed."""
    try:
        from torchvision.transforms import v2
    except ModuleNotFoundError:
        raise DatasetError(
            "torchvision is not installed, which changes pictures; run pip install 'serl-robot[vision]'"
        ) from None
    return v2
