"""Makes image encoders from their settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import torch

from serl_rl.errors import UsageError
from serl_rl.models.mlp import Arithmetic
from serl_rl.models.vision.backbones.backbone import Backbone
from serl_rl.models.vision.backbones.resnet import ResNet
from serl_rl.models.vision.backbones.small import SmallEncoder
from serl_rl.models.vision.backbones.torchvision_models import TorchvisionBackbone
from serl_rl.models.vision.encoder_config import BackboneConfig, EncoderConfig
from serl_rl.models.vision.image_encoder import ImageEncoder
from serl_rl.models.vision.weights.files import load_weights, read_arrays


def make_backbone(config: BackboneConfig, *, seed_offset: int = 0, is_dilated: bool = False) -> Backbone:
    """Makes one backbone.

    Args:
        config: Settings.
        seed_offset: Added to the seed, so that backbones of several cameras differ.
        is_dilated: Whether the last stage keeps the size of its maps and dilates instead; of resnet50 only.

    Returns:
        The backbone on the CPU in float32, frozen if the settings say so.

    Raises:
        ValueError: There is no such backbone, or it takes no condition.
        WeightsError: The weight file is missing, damaged or of another network.
        UsageError: The backbone needs torchvision, which is not installed, or cannot be dilated.
    """
    backbone = _build(config, torch.Generator().manual_seed(config.seed + seed_offset), is_dilated=is_dilated)
    if config.weights is not None:
        load_weights(backbone, config.weights)
    return backbone.freeze() if config.frozen else backbone


def make_backbones(config: BackboneConfig, cameras: Iterable[str], *, is_dilated: bool = False) -> dict[str, Backbone]:
    """Makes the backbone of each camera, or one for all; see `make_backbone`."""
    if config.shared:
        return dict.fromkeys(cameras, make_backbone(config, is_dilated=is_dilated))
    return {
        camera: make_backbone(config, seed_offset=index, is_dilated=is_dilated) for index, camera in enumerate(cameras)
    }


def _build(config: BackboneConfig, generator: torch.Generator, *, is_dilated: bool) -> Backbone:
    name, initialization = config.name, config.initialization
    if is_dilated and name != "resnet50":
        raise UsageError(f"vision.encoder.backbone.name is {name}, which cannot be dilated; only resnet50 can")
    if name == "resnet10":
        return ResNet(generator, initialization=initialization, condition_size=config.condition_size)
    if config.condition_size is not None:
        raise ValueError(f"condition_size is {config.condition_size}, but backbone {name!r} takes no condition")
    if name == "small":
        return SmallEncoder(generator, initialization=initialization)
    if name not in ("mobilenet", "resnet18", "resnet34", "resnet50"):
        known = "'resnet10', 'small', 'mobilenet', 'resnet18', 'resnet34' or 'resnet50'"
        raise ValueError(f"backbone is {name!r}; it must be {known}")
    normalization = _normalization(config)
    return TorchvisionBackbone(
        name, generator, normalization=normalization, initialization=initialization, is_dilated=is_dilated
    )


def _normalization(config: BackboneConfig) -> Literal["group", "fixed-batch"]:
    if config.normalization != "auto":
        return config.normalization
    names = () if config.weights is None else read_arrays(config.weights, set())
    return "fixed-batch" if any("running_mean" in name for name in names) else "group"


def make_image_encoder(
    config: EncoderConfig,
    image_sizes: Mapping[str, tuple[int, int]],
    generator: torch.Generator,
    arithmetic: Arithmetic | None = None,
) -> ImageEncoder:
    """Makes an encoder with fresh heads.

    Args:
        config: Settings.
        image_sizes: Height and width of each camera's images, px, in the order of the output.
        generator: Source of the heads' initial weights.
        arithmetic: How the heads' products compute.

    Returns:
        The encoder on the CPU.

    Raises:
        ValueError: There is no such backbone, no camera, or an image is too small.
    """
    return ImageEncoder(make_backbones(config.backbone, image_sizes), image_sizes, config.head, generator, arithmetic)
