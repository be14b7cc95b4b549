"""Defines the settings of pretraining."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from serl_api.settings import require, require_least
from serl_rl.models.vision.encoder_config import Pooling

PretrainableName: TypeAlias = Literal["resnet10", "small"]
"""Backbones that can be pretrained; those of torchvision come with weights of their own."""


@dataclass(frozen=True, kw_only=True)
class PretrainingConfig:
    """How a backbone is pretrained. The defaults take less than ten minutes on two cores."""

    task: str = "pick-cube-varied"
    """Simulator's scene that is drawn: one that varies what a policy is to see past. Its tracked objects are found."""
    scenes: int = 6000
    """Scenes to draw; each gives one picture a camera."""
    minutes: float = 6.0
    """Longest training after the pictures are drawn; 0 for no limit."""
    steps: int = 4000
    """Most gradient steps."""
    batch_size: int = 64
    """Pictures of a step, over all cameras."""
    learning_rate: float = 1e-3
    """Adam's largest step size; it rises over the first steps and falls to zero at the end."""
    pooling: Pooling = "learned"
    """How the heads read the maps. An agent's heads start from them where its settings are alike."""
    features: int = 256
    """Features of each camera, behind its head; the bottleneck of an agent that is to start from the heads."""
    shift_px: int = 4
    """Largest random shift of a picture, px."""
    brightness: float = 0.3
    """Largest random change of each colour channel's gain, as a share; 0 for none."""
    validation_share: float = 0.1
    """Share of the scenes that only validate, in (0, 1)."""
    seed: int = 0
    """Seed of scenes, weights and augmentation."""
    threads: int = 0
    """Threads of the numerical library; 0 leaves the choice to it."""
    device: str = "auto"
    """Where to train: "cpu", "cuda", or "auto" for a GPU if there is one."""

    def __post_init__(self) -> None:
        require_least(self, 0, "minutes", "threads", "seed", "shift_px")
        require_least(self, 1, "steps", "batch_size", "features")
        require_least(self, 2, "scenes")
        require("learning_rate", self.learning_rate, self.learning_rate > 0, "positive")
        require("brightness", self.brightness, 0 <= self.brightness < 1, "in [0, 1)")
        require("validation_share", self.validation_share, 0 < self.validation_share < 1, "in (0, 1)")
