"""Settings of image encoders. Apart from the networks, so that reading a command line does not load torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from serl_api.settings import AT_LEAST_1, LESS_THAN_ALL, LOCAL, SEED, check_fields, shared_in_one, shared_settings
from serl_rl.errors import UsageError

BackboneName: TypeAlias = Literal["resnet10", "small", "mobilenet", "resnet18", "resnet34", "resnet50"]


Initialization: TypeAlias = Literal["he", "orthogonal"]
"""How convolutions start: independent normal weights (He et al. 2015), or orthogonal filters (Saxe et al. 2014), which
keep lengths and so lose less of an image when they are never trained."""

Pooling: TypeAlias = Literal["learned", "softmax", "average", "max"]
"""Spatial learned embeddings, spatial softmax, average, maximum."""


def _weights_text(path: Path | None) -> str:
    """Returns a file's digest: it counts by its content, so that each machine may have its own copy."""
    if path is None:
        return "random"
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise UsageError(
            f"cannot read the weight file {path}: {error.strerror or error}; give another, or none for random weights"
        ) from error


@dataclass(frozen=True, kw_only=True)
class BackboneConfig:
    """Names a backbone and its weights."""

    name: BackboneName = "resnet10"
    """SERL's ResNet-10 or small encoder, or a network of torchvision."""
    weights: Path | None = field(default=None, metadata=shared_in_one(_weights_text))
    """File with pretrained weights: SERL's `resnet10_params.pkl`, `.safetensors`, or `.pth` of torchvision; None for
    random ones."""
    initialization: Initialization = "he"
    """How convolutions start without a file."""
    seed: Annotated[int, SEED] = 0
    """Seed of random weights; actor and learner must share it."""
    shared: bool = True
    """Whether all cameras share one backbone."""
    frozen: bool = True
    """Whether the weights stay as they are; then the maps of an image need computing only once."""
    normalization: Literal["auto", "group", "fixed-batch"] = field(default="auto", metadata=LOCAL)
    """How a network of torchvision normalises; auto takes fixed batch statistics if the weight file has them."""
    condition_size: Annotated[int | None, AT_LEAST_1] = field(default=None, metadata=LOCAL)
    """Components of a condition vector that modulates the maps of ResNet-10 (FiLM); None for none."""

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class HeadConfig:
    """Defines what follows the backbone, for each camera. The defaults are SERL's."""

    pooling: Pooling = "learned"
    """How maps become a vector: spatial learned embeddings, spatial softmax, average or maximum."""
    embeddings: Annotated[int, AT_LEAST_1] = 8
    """Learned embeddings of each channel."""
    dropout: Annotated[float, LESS_THAN_ALL] = field(default=0.1, metadata=LOCAL)
    """Share of the learned embeddings that training leaves out, in [0, 1)."""
    bottleneck: Annotated[int | None, AT_LEAST_1] = 256
    """Features of a camera: the output of a dense layer, layer normalisation and tanh; None for the pooled vector."""
    pretrained: bool = field(default=True, metadata=LOCAL)
    """Whether heads start from those in the backbone's weight file, where it has some that fit."""

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """Defines an image encoder."""

    backbone: BackboneConfig = field(default_factory=BackboneConfig, metadata=shared_in_one())
    """From images to feature maps."""
    head: HeadConfig = field(default_factory=HeadConfig, metadata=shared_in_one())
    """From feature maps to a vector, for each camera."""

    def describe_backbone(self) -> str:
        """Describes what makes the maps of a backbone; a weight file counts by its content.

        Raises:
            UsageError: The weight file cannot be read.
        """
        return dict(shared_settings(self))["backbone"]
