"""Defines a task on the environment's side: constants, and its rewards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

import gymnasium

from serl_api.keep_out import KeepOut
from serl_api.pose_box import PoseBox
from serl_api.values import Compliance, FloatArray, JointTarget, Observation, Pose
from serl_client.envs.reset_plan import ResetPlan
from serl_client.envs.wrench_actions import WrenchScale
from serl_client.episodes.expert import Expert
from serl_client.wrappers.flatten_state import PROPRIOCEPTION, StateComponent

SERL_COMPLIANCE = Compliance(
    translational_stiffness=2000.0,
    translational_damping=89.0,
    rotational_stiffness=150.0,
    rotational_damping=7.0,
)
"""Upstream's numbers; its rotation error is half of ours, so ours is twice as stiff in rotation (`control.proto`)."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Holds the reward of a step and whether the task is done."""

    reward: float
    """Reward of the step."""
    terminated: bool
    """Whether the task ended the episode. A timeout never does."""
    success: bool
    """Whether the task is done."""
    facts: Mapping[str, float] = field(default_factory=dict)
    """Numbers worth logging, such as "lift" in m; added to the step's info."""


class Reward(Protocol):
    """Computes the reward of a step. Stateless: everything it needs is in its arguments."""

    @property
    def tracked_objects(self) -> tuple[str, ...]:
        """Names of the objects that it must see."""
        ...

    def __call__(self, start: Observation, now: Observation) -> Outcome:
        """Judges the step that led to `now` in the episode that began with `start`."""
        ...


Corner: TypeAlias = tuple[float, float]
"""x and y in m, in `base`."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Bounds where on the table objects are within the arm's reach."""

    names: tuple[str, ...]
    """Names of the objects."""
    areas: tuple[tuple[Corner, Corner], ...]
    """Lower and upper corner of each area; an object may be in any of them."""

    def lost(self, observation: Observation) -> tuple[str, ...]:
        """Names of the objects that are in none of the areas; one that nobody tracks is not lost."""
        tracked = observation.tracked_objects
        return tuple(name for name in self.names if name in tracked and not self._holds(tracked[name].pose.position))

    def _holds(self, position: FloatArray) -> bool:
        place = position[:2]
        return any(bool((place >= lower).all() and (place <= upper).all()) for lower, upper in self.areas)

    def __str__(self) -> str:
        """In words, such as "between x 0.2 and 0.5 m, y -0.1 and 0.1 m"."""
        return " or ".join(
            f"between x {low_x:.3g} and {high_x:.3g} m, y {low_y:.3g} and {high_y:.3g} m"
            for (low_x, low_y), (high_x, high_y) in self.areas
        )


Choice: TypeAlias = Callable[[Observation], str]
"""Names the object that matters at present, where there are several alike."""


class ExpertFactory(Protocol):
    """Makes the scripted expert of a task."""

    def __call__(self, task: Task, *, rotation: bool, noise: float, seed: int | None) -> Expert:
        """Makes one.

        Args:
            task: Whose actions it gives.
            rotation: Whether actions turn the TCP.
            noise: Standard deviation of each movement, as a share of its length.
            seed: Of the noise.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Task:
    """Defines one task. The same numbers hold on every daemon, real or simulated.

    A package offers it under `serl.tasks`, by the name of its environment. Everything in it can be copied and pickled:
    rewards are dataclasses, factories are classes or functions of a module.
    """

    name: str
    """What people call it, in kebab-case."""
    scene: str = ""
    """Name of the simulator's scene, as in `serl.scenes`; empty is the task's own."""
    rewards: Mapping[str, Reward] = field(default_factory=dict)
    """Rewards to choose from, by name. One called "sparse" is the default; "dense" and "none" end no episode."""
    state: tuple[StateComponent, ...] = PROPRIOCEPTION
    """What a policy's state vector holds."""
    tracked_objects: tuple[str, ...] = ()
    """Objects whose position is part of the observation."""
    choices: Mapping[str, Choice] = field(default_factory=dict)
    """Further positions in the observation: "item" adds "item_position", that of the object that its choice names."""
    cameras: tuple[str, ...] = ()
    """Cameras whose images are part of the observation."""
    image_size: tuple[int, int] = (128, 128)
    """Height and width of each image, px."""
    control_rate_hz: float = 10.0
    """Environment steps a second; where actions push, the daemon wants at least 10 (`wrench_timeout_s`)."""
    translation_scale: float = 0.05
    """Translation of action 1, m."""
    rotation_scale: float = 0.2
    """Rotation of action 1, rad."""
    compliance: Compliance = SERL_COMPLIANCE
    """Compliance of the whole episode."""
    start: Pose | PoseBox | JointTarget | None = None
    """Where an episode starts; a box is drawn from with the environment's seed. None is the cell's home."""
    start_gripper_width: float | None = None
    """Opening of the gripper at the start, m; None is fully open."""
    reset_plan: ResetPlan = field(default_factory=ResetPlan)
    """How the arm goes back to the start where it cannot be placed there."""
    box: PoseBox | None = None
    """Poses that targets are clipped to; None leaves that to the cell's own limits, as a push does in any case."""
    keep_out: KeepOut | None = None
    """Box that targets stay out of, such as what stands between two bins; None where there is none."""
    control: Literal["tcp", "wrench"] = "tcp"
    """What actions give, unless the environment is told otherwise: movements of the TCP, or a push."""
    wrench_scale: WrenchScale | None = None
    """Wrench of action 1, N and Nm in base axes, where actions push; 0 leaves an axis out, and it is held."""
    rotation: bool = False
    """Whether actions turn the TCP, unless the environment is told otherwise."""
    has_gripper: bool = True
    """Whether the last component of an action drives the gripper."""
    max_episode_steps: int = 60
    """Steps after which an episode is truncated."""
    reach: Reach | None = None
    """Out of it an object is lost, and a scene that would be kept is drawn anew; None never loses one."""
    expert: ExpertFactory | None = None
    """Makes its scripted expert; None where there is none."""
    opposite: str = ""
    """Environment of the task that undoes this one, such as "serl/RelocateBackward-v0"; empty where there is none."""
    arms: tuple[Task, ...] = ()
    """Tasks of the left and the right arm, where it takes both, by `DualArmEnv`; empty drives one arm.

    Of the joint task count its scene, state, rate, length and expert, and of each arm's task all that is the arm's.
    """
    environment: Callable[..., gymnasium.Env[Any, Any]] | None = None
    """Makes an environment that needs no daemon, from the name of a reward; None drives an arm by `RobotEnv`."""

    def __post_init__(self) -> None:
        """Names the scene. Raises ValueError: neither one arm nor two."""
        object.__setattr__(self, "scene", self.scene or self.name)
        if len(self.arms) not in (0, 2):
            raise ValueError(
                f"{self.name} has {len(self.arms)} tasks of arms; give none, or the left's and the right's"
            )

    @property
    def gripper_count(self) -> int:
        """Counts the components of an action that drive a gripper."""
        return sum(arm.gripper_count for arm in self.arms) if self.arms else int(self.has_gripper)

    def components(self, *, rotation: bool) -> tuple[StateComponent, ...]:
        """What the state vector holds, with actions that turn the TCP or without."""
        return tuple(component for component in self.state if rotation or not component.needs_rotation)
