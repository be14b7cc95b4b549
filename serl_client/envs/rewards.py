"""Computes rewards that any task may use, in the client, so that they do not depend on the daemon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serl_api.rotation import angle_between
from serl_api.values import Observation, Pose
from serl_client.envs.task import Outcome


@dataclass(frozen=True, kw_only=True)
class NoReward:
    """Always 0; for demonstrations, and for rewards that a wrapper adds."""

    tracked_objects: tuple[str, ...] = ()
    """None needed."""

    def __call__(self, start: Observation, now: Observation) -> Outcome:
        """Judges nothing."""
        del start, now
        return Outcome(reward=0.0, terminated=False, success=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class PoseReached:
    """1 and the end once the TCP is at a pose, as SERL rewards insertions on its arm; needs no tracked object."""

    goal: Pose
    """The pose."""
    distance: float = 0.01
    """Largest offset along each axis, m."""
    angle: float = 0.2
    """Largest rotation from it, rad."""
    tracked_objects: tuple[str, ...] = ()
    """None needed."""

    def __call__(self, start: Observation, now: Observation) -> Outcome:
        """Judges by the measured pose."""
        del start
        pose = now.state.tcp_pose
        error = float(np.abs(pose.position - self.goal.position).max())
        angle = angle_between(pose.quaternion_xyzw.tolist(), self.goal.quaternion_xyzw.tolist())
        success = error <= self.distance and angle <= self.angle
        return Outcome(
            reward=float(success), terminated=success, success=success, facts={"error": error, "angle": angle}
        )


def lift(name: str, start: Observation, now: Observation) -> float:
    """Height of an object above where it was at the start, m."""
    return float(now.tracked_objects[name].pose.position[2] - start.tracked_objects[name].pose.position[2])
