"""Rewards of the tasks, computed by the client, so that they do not depend on which daemon is driven."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from serl_client.task_config import Outcome
from serl_client.values import Observation


@dataclass(frozen=True, kw_only=True)
class NoReward:
    """Always 0; for demonstrations, and for rewards that a wrapper adds."""

    tracked_objects: tuple[str, ...] = ()
    """None needed."""

    def __call__(self, start: Observation, now: Observation) -> Outcome:
        """Judges nothing."""
        del start, now
        return Outcome(reward=0.0, terminated=False, success=False)


@dataclass(frozen=True, kw_only=True)
class SparseLift:
    """1 and the end once an object has been lifted, else 0."""

    lifted_object: str = "cube"
    """Name of the object."""
    success_lift: float = 0.1
    """Height above its start that counts, m."""

    @property
    def tracked_objects(self) -> tuple[str, ...]:
        """The object."""
        return (self.lifted_object,)

    def __call__(self, start: Observation, now: Observation) -> Outcome:
        """Judges by the height of the object now."""
        lift = _lift(self.lifted_object, start, now)
        success = lift >= self.success_lift
        return Outcome(reward=float(success), terminated=success, success=success, facts={"lift": lift})


@dataclass(frozen=True, kw_only=True)
class DenseLift:
    """SERL's shaped reward: near the object, then high with it. Never ends an episode."""

    lifted_object: str = "cube"
    """Name of the object."""
    success_lift: float = 0.1
    """Height above its start that is reported as success, m."""
    full_lift: float = 0.2
    """Height above its start that is worth the whole second term, m."""

    @property
    def tracked_objects(self) -> tuple[str, ...]:
        """The object."""
        return (self.lifted_object,)

    def __call__(self, start: Observation, now: Observation) -> Outcome:
        """Judges by distance and height now: 0.3 exp(-20 d) + 0.7 clip(lift / 0.2, 0, 1)."""
        lift = _lift(self.lifted_object, start, now)
        position = now.tracked_objects[self.lifted_object].pose.position
        distance = float(np.linalg.norm(position - now.state.tcp_pose.position))
        reward = 0.3 * math.exp(-20.0 * distance) + 0.7 * min(max(lift / self.full_lift, 0.0), 1.0)
        success = lift >= self.success_lift
        return Outcome(reward=reward, terminated=False, success=success, facts={"lift": lift, "distance": distance})


def _lift(name: str, start: Observation, now: Observation) -> float:
    return float(now.tracked_objects[name].pose.position[2] - start.tracked_objects[name].pose.position[2])
