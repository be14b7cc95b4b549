"""Defines the settings of learning from images."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from serl_api.settings import AT_LEAST_0, AT_LEAST_1, LOCAL, check_fields, require
from serl_rl.models.vision.encoder_config import EncoderConfig


@dataclass(frozen=True, kw_only=True)
class FeatureCacheConfig:
    """Defines whether the maps of a frozen backbone are computed once for a few crops of each image, and kept."""

    mode: Literal["auto", "on", "off"] = "auto"
    """Whether to keep them; auto does so where there is no GPU. Off computes them in every update."""
    crops: Annotated[int, AT_LEAST_1] = 4
    """Random crops of each image; an update draws one of them."""
    refreshed_rows: Annotated[float, AT_LEAST_0] = 0.0
    """Rows whose crops are drawn and computed anew for each update, oldest first; fractions add up."""

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class VisionConfig:
    """Defines how an agent sees. Only used where the observation has images. The defaults are SERL's."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    """From images to a vector for each camera."""
    proprioception_features: Annotated[int, AT_LEAST_1] = field(default=64, metadata=LOCAL)
    """Features of the flat vectors beside those of the cameras."""
    largest_shift: Annotated[int, AT_LEAST_0] = field(default=4, metadata=LOCAL)
    """Largest shift of an image's random crop, px; 0 for none (DrQ)."""
    frame_stack: Annotated[int, AT_LEAST_1] = 1
    """Images of each camera that are seen at once, the newest and those before it."""
    cache: FeatureCacheConfig = field(default_factory=FeatureCacheConfig, metadata=LOCAL)
    """Whether feature maps are kept."""

    def __post_init__(self) -> None:
        check_fields(self)
        self._check_backbone()
        if self.frame_stack > 1 and not self.encoder.backbone.frozen:
            raise ValueError(f"frame_stack is {self.frame_stack}; a backbone that is trained sees one image at a time")
        can_refresh = self.frame_stack == 1 or not self.cache.refreshed_rows
        require("cache.refreshed_rows", self.cache.refreshed_rows, can_refresh, "0 where frames are stacked")
        if self.cache.mode == "on" and not self.encoder.backbone.frozen:
            raise ValueError("cache.mode is on, but a backbone that is trained has no lasting feature maps; freeze it")

    def _check_backbone(self) -> None:
        backbone = self.encoder.backbone
        has_no_condition = backbone.condition_size is None
        bound = "None: an agent tells its backbone nothing; LanguageConditionedEncoder is for networks of your own"
        require("encoder.backbone.condition_size", backbone.condition_size, has_no_condition, bound)
        is_batch, is_group = backbone.normalization == "fixed-batch", backbone.name in ("resnet10", "small")
        fits = not is_batch or (backbone.weights is not None and not is_group)
        bound = "auto or group, unless a network of torchvision is given a weight file with batch statistics"
        require("encoder.backbone.normalization", backbone.normalization, fits, bound)
