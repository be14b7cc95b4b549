"""Rewards of the tasks, computed by the client, so that they do not depend on which daemon is driven."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from serl_api.rotation import angle_between, conjugate, rotate
from serl_api.values import Observation, Pose
from serl_client.envs.task_config import Outcome


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


@dataclass(frozen=True, kw_only=True)
class SparseInsertion:
    """1 and the end once an object's tip is deep in a hole, else 0."""

    tip: str = "peg"
    """Object whose frame is at the tip."""
    hole: str = "socket"
    """Object whose frame is in the middle of the hole's mouth, z up, out of it."""
    success_depth: float = 0.025
    """Depth of the tip below the mouth that counts, m."""
    radius: float = 0.004
    """Largest distance of the tip from the hole's axis, m."""

    @property
    def tracked_objects(self) -> tuple[str, ...]:
        """Tip and hole."""
        return (self.tip, self.hole)

    def __call__(self, start: Observation, now: Observation) -> Outcome:
        """Judges by where the tip is now."""
        del start
        depth, offset = _insertion(now, self.tip, self.hole)
        success = depth >= self.success_depth and offset <= self.radius
        return Outcome(
            reward=float(success), terminated=success, success=success, facts={"depth": depth, "offset": offset}
        )


@dataclass(frozen=True, kw_only=True)
class Relocated:
    """1 and the end once an object lies on one side of the table and was let go of, else 0."""

    side: Literal["left", "right"]
    """Where to: left is y above 0."""
    relocated_object: str = "cube"
    """Name of the object."""
    margin: float = 0.06
    """Distance of the object's middle from y = 0 that counts, m."""
    lying_height: float = 0.01
    """Largest height above where it lay at the start, m."""
    open_width: float = 0.06
    """Opening from which the gripper has let go, m."""

    @property
    def tracked_objects(self) -> tuple[str, ...]:
        """The object."""
        return (self.relocated_object,)

    def __call__(self, start: Observation, now: Observation) -> Outcome:
        """Judges by where the object lies now, and by the gripper."""
        offset = float(now.tracked_objects[self.relocated_object].pose.position[1])
        beyond = offset if self.side == "left" else -offset
        is_lying = _lift(self.relocated_object, start, now) <= self.lying_height
        gripper = now.state.gripper
        is_free = gripper is None or gripper.width >= self.open_width
        success = beyond >= self.margin and is_lying and is_free
        return Outcome(
            reward=float(success),
            terminated=success,
            success=success,
            facts={"distance_to_go": max(0.0, self.margin - beyond)},
        )


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


def _insertion(now: Observation, tip: str, hole: str) -> tuple[float, float]:
    """Depth of the tip below the hole's mouth and its distance from the axis, m."""
    mouth = now.tracked_objects[hole].pose
    to_mouth = conjugate(mouth.quaternion_xyzw.tolist())
    inside = rotate(to_mouth, now.tracked_objects[tip].pose.position - mouth.position)
    return -float(inside[2]), math.hypot(float(inside[0]), float(inside[1]))


def _lift(name: str, start: Observation, now: Observation) -> float:
    return float(now.tracked_objects[name].pose.position[2] - start.tracked_objects[name].pose.position[2])
