"""Defines the settings of an environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from serl_api.settings import AT_LEAST_0, LOCAL, check_fields, require
from serl_rl.rewards.classifier.config import ClassifierRewardConfig


@dataclass(frozen=True, kw_only=True)
class EnvironmentConfig:
    """Defines an environment: which task, and what is around it."""

    id: str = "serl/PickCube-v0"
    """Name of the environment."""
    rotation: bool = False
    """Whether the action turns the gripper as well: 7 components instead of 4."""
    control: Literal["tcp", "joint", "wrench"] = field(default="tcp", metadata=LOCAL)
    """What actions give: increments of the TCP, a position of each joint, as a leader arm does, or a wrench that the
    TCP pushes with, along the axes that the task names. Actor and learner compare it by the names of the components."""
    reward: str = "sparse"
    """Name of one of the task's rewards, such as sparse: 1 for success; dense: shaped, for training without
    demonstrations; none: nothing, where a person or a classifier judges."""
    max_episode_steps: Annotated[int, AT_LEAST_0] = field(default=0, metadata=LOCAL)
    """Steps after which an episode is truncated; 0 leaves it to the task. A person needs more than a policy."""
    classifier: ClassifierRewardConfig = field(default_factory=ClassifierRewardConfig, metadata=LOCAL)
    """A trained classifier in the place of the reward, which is then "none"."""
    gripper_action: Literal["absolute", "binary"] = "absolute"
    """Whether the last component of an action is the gripper's width, or closes below -0.5 and opens above 0.5."""
    gripper_penalty: Annotated[float, AT_LEAST_0] = field(default=0.0, metadata=LOCAL)
    """Cost of each change of the gripper, such as 0.02, for a critic that chooses gripper actions; 0 for none.
    Short for the wrapper gripper-penalty."""
    wrappers: tuple[str, ...] = ()
    """Wrappers around the environment, innermost first, such as relative-frame or chunking,action_horizon=4;
    `serl-train tasks` lists them, and package.module:object works too."""

    @property
    def all_wrappers(self) -> tuple[str, ...]:
        """Returns the wrappers, with the gripper penalty's inside the chunks."""
        if not self.gripper_penalty:
            return self.wrappers
        return (f"gripper-penalty,cost={self.gripper_penalty}", *self.wrappers)

    def __post_init__(self) -> None:
        """Refuses values that cannot work."""
        check_fields(self)
        # Any other reward may end an episode where the classifier sees no success: a failure, as training would see it.
        is_judged_once = not self.classifier.judges or self.reward in ("none", "dense")
        require(
            "reward",
            self.reward,
            is_judged_once,
            "none or dense, which end no episode, beside a classifier",
        )
