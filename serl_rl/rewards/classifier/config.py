"""Defines the settings of a reward classifier and of its training."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from serl_api.settings import AT_LEAST_0, AT_LEAST_1, LESS_THAN_ALL, POSITIVE, SEED, THREADS, Bound, check_fields
from serl_rl.models.vision.encoder_config import EncoderConfig
from serl_rl.rewards.classifier.stages import parse_stages, with_absolute_path


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig:
    """Defines a reward classifier. The sizes are SERL's."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    """From images to features."""
    hidden_size: Annotated[int, AT_LEAST_1] = 256
    """Features of the hidden layer."""
    dropout: Annotated[float, LESS_THAN_ALL] = 0.1
    """Share of them that training leaves out, in [0, 1)."""

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class ClassifierTrainingConfig:
    """Defines how a classifier is trained."""

    steps: Annotated[int, AT_LEAST_1] = 400
    """Gradient steps."""
    batch_size: Annotated[int, Bound(2)] = 128
    """Frames of a step, as many of each class."""
    learning_rate: Annotated[float, POSITIVE] = 3e-4
    """Adam's step size."""
    shift_px: Annotated[int, AT_LEAST_0] = 4
    """Largest random shift of training images, px; 0 for none."""
    cached_shifts: Annotated[int, AT_LEAST_1] = 4
    """Shifts of each frame that go once through a frozen backbone; later steps reuse its maps."""
    validation_share: Annotated[float, Bound(0, 1, open_lower=True, open_upper=True)] = 0.2
    """Share of the episodes that only validate, in (0, 1). No episode does both."""
    check_steps: Annotated[int, AT_LEAST_1] = 25
    """Steps between two validations; the best weights are kept."""
    max_frames: Annotated[int, AT_LEAST_1] = 4000
    """Most frames of each class; more are thinned at random."""
    ambiguous_frames: Annotated[int, AT_LEAST_0] = 2
    """Frames before the success of an episode without labels that are neither: they look almost done."""
    allowed_false_positive_rate: Annotated[float, LESS_THAN_ALL] = 0.0
    """Share of validation frames that are no success but may pass the recommended threshold, in [0, 1)."""
    seed: Annotated[int, SEED] = 0
    """Seed of weights, split and shifts."""
    threads: Annotated[int, THREADS] = 0
    """Threads of the numerical library; 0 leaves the choice to it."""
    device: str = "auto"
    """Where to train: "cpu", "cuda", or "auto" for a GPU if there is one."""

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class ClassifierRewardConfig:
    """Puts trained classifiers in the place of an environment's own reward: one success, or stages on the way to it."""

    path: Path | None = None
    """Folder of the classifier; of all stages that name none. None, and no stages, leave the environment's reward."""
    threshold: Annotated[float | None, Bound(0, 1, open_lower=True)] = None
    """Probability of success from which a frame passes, in (0, 1]; None takes the one its report recommends. Of stages
    that name none as well; where the report is about another class, None is 0.75."""
    condition: str = ""
    """What a step must meet besides, such as 'tcp_pose[2] > 0.115' (SI units); empty for nothing."""
    consecutive_steps: Annotated[int, AT_LEAST_1] = 1
    """Steps in a row that must pass; of stages that name none as well."""
    stages: tuple[str, ...] = ()
    """Stages of the task, in order, such as "grasped path=classifiers/grasped" "lifted path=classifiers/lifted
    condition='tcp_pose[2] > 0.115'": a name, then path, class, threshold, consecutive_steps, condition as needed."""
    stages_in_order: bool = True
    """Whether a stage counts only after those before it."""
    stages_pay: Literal["last", "each"] = "last"
    """Reward 1 when all stages have passed, or an equal share of 1 for each the first time it does."""

    def __post_init__(self) -> None:
        check_fields(self)
        for stage in parse_stages(self.stages):
            if stage.path is None and self.path is None:
                raise ValueError(
                    f"stage {stage.name!r} has no classifier; give it path=FOLDER, or a path for all stages"
                )
        object.__setattr__(self, "stages", tuple(map(with_absolute_path, self.stages)))  # As paths are when saved.
        if self.stages and self.condition:
            raise ValueError(f"condition is {self.condition!r}; with stages, give one to each stage that needs it")

    @property
    def judges(self) -> bool:
        """Returns whether there is a classifier at all."""
        return self.path is not None or bool(self.stages)
