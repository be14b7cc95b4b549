"""Defines an experiment: a frozen dataclass for each of environment, algorithm, learner and actor."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from serl_api.settings import (
    AT_LEAST_0,
    AT_LEAST_1,
    LOCAL,
    POSITIVE,
    SEED,
    THREADS,
    Bound,
    check_fields,
    require,
    shared_settings,
    to_dataclass,
)
from serl_client.envs.task_finding import find_task, is_task
from serl_client.teleop.correction import CorrectionConfig
from serl_client.wrappers.plugin import find_wrappers
from serl_rl.algorithms.algorithm import Algorithm, RunnablePolicy, load_algorithm
from serl_rl.algorithms.sac.config import SacConfig
from serl_rl.envs.config import EnvironmentConfig
from serl_rl.envs.evaluation import EvaluationConfig
from serl_rl.models.pretraining.config import PretrainingConfig
from serl_rl.models.vision.config import VisionConfig
from serl_rl.protocol.spec import EnvironmentSpec
from serl_rl.rewards.vice_config import ViceConfig


@dataclass(frozen=True, kw_only=True)
class LearnerConfig:
    """Defines how the learner trains."""

    update_to_data_ratio: Annotated[float, POSITIVE] = 4.0
    """Critic updates for each environment step; larger than 0."""
    warm_up_steps: Annotated[int, AT_LEAST_0] = 60
    """Environment steps before the first update."""
    lead_steps: Annotated[int, AT_LEAST_1] = 20
    """Environment steps that actors in simulation may collect before their updates are done."""
    tolerance_steps: Annotated[int, AT_LEAST_0] = 4
    """Environment steps' worth of updates that the learner may do before their data has come."""
    max_env_steps: Annotated[int, AT_LEAST_1] = 40_000
    """Environment steps after which a run ends, successful or not."""
    replay_capacity: Annotated[int, Bound(2)] = 200_000
    """Rows kept; the oldest go first."""
    publish_updates: Annotated[int, AT_LEAST_1] = 5
    """Policy updates between two published policies at least."""
    publish_period_s: Annotated[float, AT_LEAST_0] = 0.1
    """Seconds between two published policies at least."""
    publish_type: Literal["float32", "bfloat16"] = "float32"
    """Type of a published policy's numbers; bfloat16 halves its bytes."""
    checkpoint_period_s: Annotated[float, POSITIVE] = 60.0
    """Seconds between two checkpoints."""
    kept_checkpoints: Annotated[int, AT_LEAST_1] = 3
    """Checkpoints that stay; the oldest go first."""
    metrics_period_s: Annotated[float, AT_LEAST_0] = 1.0
    """Seconds between two rows of metrics."""
    threads: Annotated[int, THREADS] = 1
    """Threads of the numerical library; 0 leaves the choice to it. More than there are free cores are slow."""
    prefetch: Literal["auto", "on", "off"] = "auto"
    """Whether a thread samples batches ahead; auto does so for a GPU. On a CPU it would take a core from the update."""
    device: str = "auto"
    """Where to train: "cpu", "cuda", or "auto" for a GPU if there is one."""
    max_actors: Annotated[int, Bound(1, 1024)] = 16
    """Actors served at once."""

    def __post_init__(self) -> None:
        """Refuses values that cannot work."""
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class ActorConfig:
    """Defines how the actor explores and sends."""

    random_steps: Annotated[int, AT_LEAST_0] = 0
    """First environment steps with uniformly random actions instead of the policy's."""
    spool_limit_mb: Annotated[float, POSITIVE] = 512.0
    """Most megabytes of unacknowledged rows on disk; the actor waits when they are reached."""
    ignores_grants: bool = False
    """Whether to go on when the learner is behind: for a real robot, which should not stop in the middle of a task."""

    def __post_init__(self) -> None:
        """Refuses values that cannot work."""
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Defines one experiment. A field that is not marked `LOCAL` must be the same in the actor and in the learner."""

    environment: EnvironmentConfig = field(default_factory=EnvironmentConfig)
    """Which task."""
    algorithm: str = "sac"
    """The algorithm: a name that a package offers, or "package.module:object"."""
    sac: SacConfig = field(default_factory=SacConfig, metadata=LOCAL)
    """Settings of "sac"."""
    algorithm_config: Any = field(default=None, metadata=LOCAL)
    """Settings of another algorithm, of its own type; None for its defaults."""
    vision: VisionConfig = field(default_factory=VisionConfig)
    """How the agent sees, where the observation has images."""
    vice: ViceConfig = field(default_factory=ViceConfig, metadata=LOCAL)
    """Whether the reward is learned with the policy, and how."""
    learner: LearnerConfig = field(default_factory=LearnerConfig, metadata=LOCAL)
    """How the learner trains."""
    actor: ActorConfig = field(default_factory=ActorConfig, metadata=LOCAL)
    """How the actor explores and sends."""
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig, metadata=LOCAL)
    """When the actor evaluates, and what ends a run."""
    intervene: str = field(default="none", metadata=LOCAL)
    """Who may take over from the policy in the actor: a person with a device, or a script in their place."""
    correction: CorrectionConfig = field(default_factory=CorrectionConfig, metadata=LOCAL)
    """When the script takes over, and for how long."""
    pretrain_encoder: bool = field(default=False, metadata=LOCAL)
    """Whether `demo` first pretrains the backbone on pictures of the simulator, unless it is given a weight file."""
    pretraining: PretrainingConfig = field(default_factory=PretrainingConfig, metadata=LOCAL)
    """How it does."""
    demonstration_count: Annotated[int, AT_LEAST_0] = field(default=20, metadata=LOCAL)
    """Demonstrations to record, by a script or a person; `demo` takes 0 for none."""
    demonstration_noise: Annotated[float, AT_LEAST_0] = field(default=0.1, metadata=LOCAL)
    """Standard deviation of the noise on the expert's movements, as a share of the largest action."""
    seed: Annotated[int, SEED] = field(default=0, metadata=LOCAL)
    """Seed of networks, sampling, exploration and resets."""

    def __post_init__(self) -> None:
        """Refuses settings that cannot work, or do not go together."""
        check_fields(self)
        if self.algorithm != "sac":
            self._check_algorithm_config()
        is_binary = self.environment.gripper_action == "binary"
        chooses = self.algorithm == "sac" and self.sac.grippers > 0
        require("environment.gripper_action", "absolute", is_binary or not chooses, "binary where sac.grippers choose")
        if chooses:
            self._check_grippers()
        if self.vice.enabled:
            self._check_vice()

    @property
    def algorithm_settings(self) -> Any:  # noqa: ANN401
        """Returns the settings of the algorithm that is named."""
        return self.sac if self.algorithm == "sac" else self.algorithm_config

    def load_algorithm(self) -> Algorithm:
        """Finds the algorithm that is named.

        Raises:
            PluginError: There is none of that name, or it cannot be used.
        """
        return load_algorithm(self.algorithm)

    def vision_for(self, spec: EnvironmentSpec) -> VisionConfig | None:
        """Returns the vision settings; None where the observation has no images."""
        return self.vision if any(not array.is_vector for array in spec.observation) else None

    def make_policy(self, spec: EnvironmentSpec) -> RunnablePolicy:
        """Makes the policy, without arrays.

        Args:
            spec: What the environment observes and takes.

        Raises:
            SpecError: An observation is neither a flat vector nor an image.
            WeightsError: The weight file of the backbone cannot be used.
        """
        return self.load_algorithm().make_policy(spec, self.algorithm_settings, vision=self.vision_for(spec))

    def _check_algorithm_config(self) -> None:
        kind = self.load_algorithm().config_type
        if self.algorithm_config is None or isinstance(self.algorithm_config, Mapping):
            own = to_dataclass(kind, self.algorithm_config or {}, "algorithm_config")
            object.__setattr__(self, "algorithm_config", own)
        given = type(self.algorithm_config).__name__
        require("algorithm_config", given, isinstance(self.algorithm_config, kind), f"a {kind.__name__}")

    def _check_grippers(self) -> None:
        """Refuses grippers that the action lacks: a component that moves the arm would be taken for a gripper's."""
        chosen = self.sac.grippers
        for wrapper in find_wrappers(self.environment.wrappers):
            is_single = wrapper.plugin.place != "chunk"
            require(
                "sac.grippers", chosen, is_single, f"0 with {wrapper.text}, whose action holds several of a gripper"
            )
        task = find_task(self.environment.id) if is_task(self.environment.id) else None
        if task is not None and task.environment is None:  # Else an environment of the user's own.
            found = task.gripper_count
            require("sac.grippers", chosen, chosen <= found, f"at most {found}, as {self.environment.id} has no more")

    def _check_vice(self) -> None:
        reward, bounds = self.environment.reward, self.sac.return_range if self.algorithm == "sac" else None
        ends_nothing = reward in ("none", "dense") and not self.environment.classifier.judges
        require(
            "environment.reward",
            reward,
            ends_nothing,
            "none or dense, without a classifier, with vice, which pays for staying at the goal: no success may end an "
            "episode",
        )
        largest = self.vice.largest_return(self.sac.discount)
        fits = bounds is None or (largest is not None and bounds[0] <= 0 and bounds[1] >= largest - 1e-6)
        bound = "None with these rewards of vice" if largest is None else f"None, or hold 0 to {largest:g}, with vice"
        require("sac.return_range", bounds, fits, bound)
        is_frozen = self.vision.encoder.backbone.frozen
        require("vision.encoder.backbone.frozen", is_frozen, is_frozen, "on with vice, which classifies lasting maps")

    def shared_settings(self) -> tuple[tuple[str, str], ...]:
        """Returns the settings that actor and learner must share, as (path, value).

        Raises:
            UsageError: The weight file of a backbone cannot be read.
        """
        # Actors and learners of before there was a choice say nothing of it.
        return tuple(setting for setting in shared_settings(self) if setting != ("algorithm", "sac"))


def to_json(config: TrainConfig) -> str:
    """Returns the whole configuration as JSON."""
    return json.dumps(to_dict(config), indent=2)


def to_dict(config: TrainConfig) -> dict[str, Any]:
    """Returns the whole configuration as plain values; paths are absolute, so that they mean the same in any folder."""
    return json.loads(json.dumps(dataclasses.asdict(config), default=_plain))


def _plain(value: object) -> str:
    return str(value.absolute() if isinstance(value, Path) else value)


def from_dict(values: Mapping[str, Any]) -> TrainConfig:
    """Builds a configuration from `to_dict`'s values; what is left out has its default, unknown keys are refused.

    Raises:
        ConfigError: A key or value does not fit; named.
    """
    return to_dataclass(TrainConfig, values)
