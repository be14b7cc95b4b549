"""Hand a bar over from the left arm to the right one: state, starts and rewards of both arms."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from serl_api.pose_box import PoseBox
from serl_api.values import Observation, Pose
from serl_client.envs.reset_plan import ResetPlan, Retreat
from serl_client.envs.rewards import NoReward
from serl_client.envs.task import Outcome, Task
from serl_client.wrappers.flatten_state import StateComponent
from serl_tasks.hand_over.expert import HandOverExpert
from serl_tasks.hand_over.places import BAR, GRASP_OFFSET, HELD_WIDTH, LET_GO_WIDTH, MEETING, TAKEN_HEIGHT


@dataclass(frozen=True, kw_only=True)
class LetGo:
    """Is done while the left hand is open and the bar is in the air. Ends nothing by itself."""

    tracked_objects: tuple[str, ...] = (BAR,)

    def __call__(self, start: Observation, now: Observation) -> Outcome:
        """Judges by the gripper and by the bar's height."""
        height = float(now.tracked_objects[BAR].pose.position[2])
        gripper = now.state.gripper
        success = height >= TAKEN_HEIGHT and gripper is not None and gripper.width >= LET_GO_WIDTH
        return Outcome(reward=float(success), terminated=False, success=success, facts={"height": height})


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Is done while the right hand holds its end of the bar in the air. Ends nothing by itself."""

    tracked_objects: tuple[str, ...] = (BAR,)
    radius: float = 0.03
    """How far from where the hand should hold it the bar may be, m."""

    def __call__(self, start: Observation, now: Observation) -> Outcome:
        """Judges by the gripper and by where the bar is in the hand."""
        bar = now.tracked_objects[BAR].pose.position
        end = bar - np.array((GRASP_OFFSET, 0.0, 0.0))
        gripper = now.state.gripper
        is_held = float(np.linalg.norm(end - now.state.tcp_pose.position)) <= self.radius
        is_closed = gripper is not None and gripper.width <= HELD_WIDTH
        success = is_held and is_closed and float(bar[2]) >= TAKEN_HEIGHT
        return Outcome(reward=float(success), terminated=False, success=success)


_XYZ, _LAST = (0, 1, 2), (3, 4, 5)
_HOLDING = Pose(np.array(MEETING) - np.array((GRASP_OFFSET, 0.0, 0.0)), np.array((1.0, 0.0, 0.0, 0.0)))
"""Pose of either hand at the meeting, in its own base."""


def _state(side: str) -> tuple[StateComponent, ...]:
    tcp, bar = f"{side}/tcp_pose", f"{side}/{BAR}_position"
    return (
        StateComponent(name=f"{side}_tcp_position", key=tcp, indices=_XYZ, offset=MEETING, scale=0.1),
        StateComponent(
            name=f"{side}_tcp_axes", key=tcp, indices=(0, 3, 6), scale=1.0, as_rotation_matrix=True, needs_rotation=True
        ),
        StateComponent(name=f"{side}_tcp_linear_velocity", key=f"{side}/tcp_twist", indices=_XYZ, scale=0.2),
        StateComponent(
            name=f"{side}_tcp_angular_velocity",
            key=f"{side}/tcp_twist",
            indices=_LAST,
            scale=1.0,
            needs_rotation=True,
        ),
        StateComponent(
            name=f"{side}_gripper_width", key=f"{side}/gripper_width", indices=(0,), offset=(0.0425,), scale=0.0425
        ),
        StateComponent(name=f"{side}_tcp_to_bar", key=bar, minus_key=tcp, indices=_XYZ, scale=0.1),
    )


_ARM = Task(
    name="hand-over",
    tracked_objects=(BAR,),
    translation_scale=0.04,
    rotation_scale=0.2,
    rotation=True,
    max_episode_steps=120,
    reset_plan=ResetPlan(retreats=(Retreat(offset=(-0.05, 0.0, 0.05)),), gripper_first=True),
)

LEFT = replace(
    _ARM,
    rewards={"sparse": LetGo(), "none": NoReward()},
    start=PoseBox(center=_HOLDING, lower=(-0.06, -0.03, 0.0), upper=(0.0, 0.03, 0.04), rotation=(0.0, 0.0, 0.1)),
    box=PoseBox(center=_HOLDING, lower=(-0.12, -0.12, -0.19), upper=(0.10, 0.12, 0.10), rotation=(0.2, 0.2, 0.4)),
)
"""Of the left arm: fetches the bar."""

RIGHT = replace(
    _ARM,
    rewards={"sparse": Taken(), "none": NoReward()},
    start=PoseBox(center=_HOLDING, lower=(-0.08, -0.02, 0.04), upper=(-0.04, 0.02, 0.08), rotation=(0.0, 0.0, 0.1)),
    box=PoseBox(center=_HOLDING, lower=(-0.12, -0.08, -0.06), upper=(0.06, 0.08, 0.12), rotation=(0.2, 0.2, 0.4)),
)
"""Of the right arm: takes it."""

HAND_OVER = Task(
    name="hand-over",
    arms=(LEFT, RIGHT),
    rewards={"sparse": LetGo(), "none": NoReward()},
    state=(
        *_state("left"),
        *_state("right"),
        StateComponent(name="bar_position", key=f"left/{BAR}_position", indices=_XYZ, offset=MEETING, scale=0.1),
    ),
    rotation=True,
    max_episode_steps=120,
    expert=HandOverExpert,
)
"""HIL-SERL's hand-over between two arms; the grippers choose together, nine ways."""
