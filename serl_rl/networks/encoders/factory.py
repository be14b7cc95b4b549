"""Encoders by their settings: which backbone, where its weights come from, what follows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import torch

from serl_rl.networks.encoders.backbone import Backbone
from serl_rl.networks.encoders.head import HeadConfig
from serl_rl.networks.encoders.image_encoder import ImageEncoder
from serl_rl.networks.encoders.initialization import Initialization
from serl_rl.networks.encoders.resnet import resnet10
from serl_rl.networks.encoders.small import SmallEncoder
from serl_rl.networks.mlp import Arithmetic

BackboneName: TypeAlias = Literal["resnet10", "small"]


@dataclass(frozen=True, kw_only=True)
class BackboneConfig:
    """Which backbone, with which weights."""

    name: BackboneName = "resnet10"
    """SERL's ResNet-10 or its small encoder."""
    weights: Path | None = None
    """File with pretrained weights; None for random ones."""
    initialization: Initialization = "he"
    """How convolutions start without a file."""
    seed: int = 0
    """Seed of random weights; actor and learner must share it."""
    frozen: bool = True
    """Whether the weights stay as they are; then the maps of an image need computing only once."""
    shared: bool = True
    """Whether all cameras share one backbone."""


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """An image encoder."""

    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    """From images to feature maps."""
    head: HeadConfig = field(default_factory=HeadConfig)
    """From feature maps to a vector, for each camera."""


def make_backbone(config: BackboneConfig, *, seed_offset: int = 0) -> Backbone:
    """Makes one backbone.

    Args:
        config: Settings.
        seed_offset: Added to the seed, so that backbones of several cameras differ.

    Returns:
        The backbone on the CPU in float32, frozen if the settings say so.

    Raises:
        ValueError: There is no such backbone.
    """
    generator = torch.Generator().manual_seed(config.seed + seed_offset)
    backbone: Backbone
    if config.name == "resnet10":
        backbone = resnet10(generator, initialization=config.initialization)
    elif config.name == "small":
        backbone = SmallEncoder(generator, initialization=config.initialization)
    else:
        raise ValueError(f"backbone is {config.name!r}; it must be 'resnet10' or 'small'")
    return backbone.freeze() if config.frozen else backbone


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
    if config.backbone.shared:
        one = make_backbone(config.backbone)
        backbones = dict.fromkeys(image_sizes, one)
    else:
        backbones = {camera: make_backbone(config.backbone, seed_offset=i) for i, camera in enumerate(image_sizes)}
    return ImageEncoder(backbones, image_sizes, config.head, generator, arithmetic)
