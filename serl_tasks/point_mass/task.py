"""Push a point to the centre: small enough for tests of the whole loop, needs no simulator."""

from __future__ import annotations

from serl_client.envs.task import Task
from serl_tasks.point_mass.environment import PointMassEnv
from serl_tasks.point_mass.expert import PointMassExpert


def _expert(task: Task, *, rotation: bool, noise: float, seed: int | None) -> PointMassExpert:
    del task, rotation, noise, seed
    return PointMassExpert()


POINT_MASS = Task(name="point-mass", expert=_expert, has_gripper=False, environment=PointMassEnv)
"""Within 0.1 m of the centre of a square of 1 m."""
