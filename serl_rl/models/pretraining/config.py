"""Defines the settings of pretraining."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from serl_api.settings import AT_LEAST_0, AT_LEAST_1, LESS_THAN_ALL, POSITIVE, SEED, THREADS, Bound, check_fields
from serl_rl.models.vision.encoder_config import Pooling

PretrainableName: TypeAlias = Literal["resnet10", "small"]
"""Backbones that can be pretrained; those of torchvision come with weights of their own."""


@dataclass(frozen=True, kw_only=True)
class PretrainingConfig:
    """Defines how a backbone is pretrained. The defaults take less than ten minutes on two cores."""

    task: str = "pick-cube-varied"
    """Simulator's scene that is drawn: one that varies what a policy is to see past. Its tracked objects are found."""
    scenes: Annotated[int, Bound(2)] = 6000
    """Scenes to draw; each gives one picture a camera."""
    minutes: Annotated[float, AT_LEAST_0] = 6.0
    """Longest training after the pictures are drawn; 0 for no limit."""
    steps: Annotated[int, AT_LEAST_1] = 4000
    """Most gradient steps."""
    batch_size: Annotated[int, AT_LEAST_1] = 64
    """Pictures of a step, over all cameras."""
    learning_rate: Annotated[float, POSITIVE] = 1e-3
    """Adam's largest step size; it rises over the first steps and falls to zero at the end."""
    pooling: Pooling = "learned"
    """How the heads read the maps. An agent's heads start from them where its settings are alike."""
    features: Annotated[int, AT_LEAST_1] = 256
    """Features of each camera, behind its head; the bottleneck of an agent that is to start from the heads."""
    shift_px: Annotated[int, AT_LEAST_0] = 4
    """Largest random shift of a picture, px."""
    brightness: Annotated[float, LESS_THAN_ALL] = 0.3
    """Largest random change of each colour channel's gain, as a share; 0 for none."""
    validation_share: Annotated[float, Bound(0, 1, open_lower=True, open_upper=True)] = 0.1
    """Share of the scenes that only validate, in (0, 1)."""
    seed: Annotated[int, SEED] = 0
    """Seed of scenes, weights and augmentation."""
    threads: Annotated[int, THREADS] = 0
    """Threads of the numerical library; 0 leaves the choice to it."""
    device: str = "auto"
    """Where to train: "cpu", "cuda", or "auto" for a GPU if there is one."""

    def __post_init__(self) -> None:
        check_fields(self)
