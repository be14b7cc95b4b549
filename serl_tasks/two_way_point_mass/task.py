"""Push a point to the right, and back to the left: each of two tasks sets the scene of the other."""

from __future__ import annotations

from serl_client.envs.task import Task
from serl_tasks.two_way_point_mass.environment import Point, TwoWayPointMassEnv
from serl_tasks.two_way_point_mass.expert import TwoWayPointMassExpert

_POINT = Point()
"""There is one in a process, as there is one arm in a cell."""


def _push_right(*, reward: str) -> TwoWayPointMassEnv:
    del reward
    return TwoWayPointMassEnv("right", _POINT)


def _push_left(*, reward: str) -> TwoWayPointMassEnv:
    del reward
    return TwoWayPointMassEnv("left", _POINT)


def _right_expert(task: Task, *, rotation: bool, noise: float, seed: int | None) -> TwoWayPointMassExpert:
    del task, rotation, noise, seed
    return TwoWayPointMassExpert("right")


def _left_expert(task: Task, *, rotation: bool, noise: float, seed: int | None) -> TwoWayPointMassExpert:
    del task, rotation, noise, seed
    return TwoWayPointMassExpert("left")


POINT_RIGHT = Task(
    name="point-right",
    expert=_right_expert,
    opposite="serl/PointLeft-v0",
    has_gripper=False,
    environment=_push_right,
)
"""Push it beyond x = 0.4 m."""

POINT_LEFT = Task(
    name="point-left", expert=_left_expert, opposite="serl/PointRight-v0", has_gripper=False, environment=_push_left
)
"""Push it beyond x = -0.4 m."""
