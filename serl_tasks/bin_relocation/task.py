"""Carry items from bin to bin: two tasks, each of which sets the scene of the other, with the numbers of upstream."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from serl_api.keep_out import KeepOut
from serl_api.pose_box import PoseBox
from serl_api.values import FloatArray, Observation, Pose
from serl_client.envs.reset_plan import ResetPlan, Retreat
from serl_client.envs.rewards import NoReward
from serl_client.envs.task import Outcome, Reach, Task
from serl_client.wrappers.flatten_state import PROPRIOCEPTION, StateComponent
from serl_tasks.bin_relocation.choice import chosen_item
from serl_tasks.bin_relocation.expert import BinRelocationExpert
from serl_tasks.bin_relocation.places import (
    BIN_HALF,
    BIN_X,
    BIN_Y,
    CLEAR_HEIGHT,
    FILLED_HEIGHT,
    INNER_Y,
    ITEM_NAMES,
    TCP_HALF,
    Side,
    sign,
)


@dataclass(frozen=True, kw_only=True)
class OneMoreOver:
    """1 and the end once the bin holds one item more than at the start, or all, and nothing is held; else 0."""

    side: Side
    """Which bin."""
    open_width: float = 0.06
    """Opening from which the gripper has let go, m."""
    tracked_objects: tuple[str, ...] = ITEM_NAMES
    """The items."""

    def __call__(self, start: Observation, now: Observation) -> Outcome:
        """Judges by where the items are now, and by the gripper."""
        before, count = self._count(start), self._count(now)
        gripper = now.state.gripper
        is_free = gripper is None or gripper.width >= self.open_width
        success = is_free and (count > before or count == len(self.tracked_objects))
        return Outcome(reward=float(success), terminated=success, success=success, facts={"items_there": float(count)})

    def _count(self, observation: Observation) -> int:
        return sum(self._holds(observation.tracked_objects[name].pose.position) for name in self.tracked_objects)

    def _holds(self, position: FloatArray) -> bool:
        offset = np.abs(position[:2] - (BIN_X, sign(self.side) * BIN_Y))
        return bool((offset < BIN_HALF).all() and position[2] < FILLED_HEIGHT)


_XYZ = (0, 1, 2)
_STATE = (
    *PROPRIOCEPTION,
    StateComponent(name="item_position", key="item_position", indices=_XYZ, offset=(BIN_X, 0.0, 0.1), scale=0.2),
    StateComponent(name="tcp_to_item", key="item_position", minus_key="tcp_pose", indices=_XYZ, scale=0.1),
)
"""13 numbers, or 22 with rotation; of the items only the one to carry."""

_START_HEIGHT = 0.12
_LOWEST = 0.012
"""Height of the TCP at which the finger tips touch the bottom, m."""
_DOWN = np.array((1.0, 0.0, 0.0, 0.0))
_REACH_HALF = (TCP_HALF[0], TCP_HALF[1] + 0.005)
_HIGHEST = 0.2


def _over(side: Side) -> PoseBox:
    """Where the TCP starts: over the bin that items are taken from."""
    center = Pose(np.array((BIN_X, sign(side) * BIN_Y, _START_HEIGHT)), _DOWN)
    return PoseBox(center=center, lower=(-0.02, -0.02, -0.01), upper=(0.02, 0.02, 0.01), rotation=(0.0, 0.0, 0.0))


BIN_FORWARD = Task(
    name="bin-relocation-forward",
    scene="bin-relocation",
    rewards={"sparse": OneMoreOver(side="right"), "none": NoReward()},
    state=_STATE,
    tracked_objects=ITEM_NAMES,
    choices={"item": partial(chosen_item, "right")},
    rotation_scale=0.1,
    start=_over("left"),
    reset_plan=ResetPlan(retreats=(Retreat(offset=(0.0, 0.0, CLEAR_HEIGHT), speed_ratio=0.2),), gripper_first=True),
    box=PoseBox(
        center=Pose(np.array((BIN_X, 0.0, 0.0)), _DOWN),
        lower=(-TCP_HALF[0], -BIN_Y - TCP_HALF[1], _LOWEST),
        upper=(TCP_HALF[0], BIN_Y + TCP_HALF[1], _HIGHEST),
        rotation=(0.1, 0.1, 0.5),
    ),
    keep_out=KeepOut(lower=(BIN_X - 0.5, -INNER_Y, -1.0), upper=(BIN_X + 0.5, INNER_Y, CLEAR_HEIGHT)),
    reach=Reach(
        names=ITEM_NAMES,
        areas=tuple(
            (
                (BIN_X - _REACH_HALF[0], y - _REACH_HALF[1]),
                (BIN_X + _REACH_HALF[0], y + _REACH_HALF[1]),
            )
            for y in (-BIN_Y, BIN_Y)
        ),
    ),
    expert=partial(BinRelocationExpert, "right"),
    opposite="serl/BinBackward-v0",
    max_episode_steps=80,
)
"""SERL's bin relocation (`FrankaBinRelocation`): any one item from the left bin, y above 0, into the right one."""

BIN_BACKWARD = replace(
    BIN_FORWARD,
    name="bin-relocation-backward",
    rewards={"sparse": OneMoreOver(side="left"), "none": NoReward()},
    choices={"item": partial(chosen_item, "left")},
    start=_over("right"),
    expert=partial(BinRelocationExpert, "left"),
    opposite="serl/BinForward-v0",
)
"""The same back to the left bin: each of the two sets the scene of the other."""

BIN_FORWARD_VISION, BIN_BACKWARD_VISION = (
    replace(
        task,
        name=f"{task.name}-vision",
        state=PROPRIOCEPTION,
        tracked_objects=(),
        choices={},
        cameras=("front", "wrist"),
        opposite=task.opposite.replace("-v0", "Vision-v0"),
    )
    for task in (BIN_FORWARD, BIN_BACKWARD)
)
"""The same from two cameras; the items' poses serve the reward alone."""
