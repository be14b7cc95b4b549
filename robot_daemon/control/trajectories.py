"""Plans trajectories from one configuration to another: minimum jerk in time, straight in space."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from robot_daemon.hardware.devices import ArmSample
from serl_api.cell import ArmInfo
from serl_api.rotation import Quaternion, angle_between, slerp
from serl_api.values import JointTarget, Pose

PEAK_SPEED_RATIO = 1.875
"""Peak over mean speed of a minimum-jerk motion: the derivative of `minimum_jerk` at its middle, 15/8."""

MIN_DURATION_S = 0.1
"""Shortest motion; a goal next to the start still ramps."""


JOINT_SPEED_SHARE = 0.5
"""Share of a joint's speed limit that a path may use: a compliant arm lags, then catches up faster than its path."""


def minimum_jerk(ratio: float) -> float:
    """Maps a fraction of the time to a fraction of the way; velocity and acceleration vanish at both ends.

    Flash and Hogan 1985: 10 r^3 - 15 r^4 + 6 r^5.
    """
    r = min(max(ratio, 0.0), 1.0)
    return min(1.0, r * r * r * (10.0 + r * (-15.0 + 6.0 * r)))


class Path(Protocol):
    """Describes a trajectory to a goal, by time."""

    @property
    def duration_s(self) -> float:
        """Returns the time from start to goal, s."""
        ...

    def at(self, time_s: float) -> Pose | JointTarget:
        """Returns the target at a time since the start; the goal after the end."""
        ...

    def error(self, state: ArmSample) -> tuple[bool, str]:
        """Returns whether a measured state is at the goal, and the remaining distance in words."""
        ...


@dataclass(frozen=True, kw_only=True)
class CartesianPath:
    """Moves the TCP on a straight line with the shortest rotation."""

    start: Pose
    goal: Pose
    duration_s: float
    tolerance_m: float = 0.01
    tolerance_rad: float = 0.05

    def at(self, time_s: float) -> Pose:
        """Returns the pose at a time since the start."""
        ratio = minimum_jerk(time_s / self.duration_s)
        if ratio >= 1.0:
            return self.goal
        position = self.start.position + (self.goal.position - self.start.position) * ratio
        turned = slerp(_quaternion(self.start), _quaternion(self.goal), ratio)
        return Pose(position, np.array(turned))

    def error(self, state: ArmSample) -> tuple[bool, str]:
        """Judges the distance of the measured TCP from the goal."""
        distance = float(np.linalg.norm(state.tcp_pose.position - self.goal.position))
        angle = angle_between(tuple(state.tcp_pose.quaternion_xyzw.tolist()), _quaternion(self.goal))
        reached = distance <= self.tolerance_m and angle <= self.tolerance_rad
        return reached, f"{distance:.3f} m and {angle:.3f} rad away"


@dataclass(frozen=True, kw_only=True)
class JointPath:
    """Moves the joints on a straight line in joint space."""

    start: JointTarget
    goal: JointTarget
    duration_s: float
    tolerance_rad: float = 0.03

    def at(self, time_s: float) -> JointTarget:
        """Returns the joint positions at a time since the start."""
        ratio = minimum_jerk(time_s / self.duration_s)
        if ratio >= 1.0:
            return self.goal
        return JointTarget(positions=self.start.positions + (self.goal.positions - self.start.positions) * ratio)

    def error(self, state: ArmSample) -> tuple[bool, str]:
        """Judges the largest distance of a measured joint from the goal."""
        distance = float(np.abs(state.joint_positions - self.goal.positions).max())
        return distance <= self.tolerance_rad, f"{distance:.3f} rad away in its furthest joint"


def plan_cartesian(state: ArmSample, goal: Pose, *, speed_m_per_s: float, rotation_rad_per_s: float) -> CartesianPath:
    """Plans a path from the measured pose whose peak speeds are at most those given."""
    start = state.tcp_pose
    distance = float(np.linalg.norm(goal.position - start.position))
    angle = angle_between(_quaternion(start), _quaternion(goal))
    duration = PEAK_SPEED_RATIO * max(distance / speed_m_per_s, angle / rotation_rad_per_s)
    return CartesianPath(start=start, goal=goal, duration_s=max(duration, MIN_DURATION_S))


def plan_joints(state: ArmSample, goal: JointTarget, arm: ArmInfo, *, speed_ratio: float) -> JointPath:
    """Plans a path from the measured joints on which no joint exceeds a fraction of half its speed limit."""
    slowest = float(
        (np.abs(goal.positions - state.joint_positions) / (JOINT_SPEED_SHARE * arm.joint_speed * speed_ratio)).max()
    )
    duration = max(PEAK_SPEED_RATIO * slowest, MIN_DURATION_S)
    if not math.isfinite(duration):
        raise ValueError(f"an arm with joint speeds {arm.joint_speed.tolist()} cannot be planned for")
    return JointPath(start=JointTarget(positions=state.joint_positions), goal=goal, duration_s=duration)


def _quaternion(target: Pose) -> Quaternion:
    x, y, z, w = target.quaternion_xyzw.tolist()
    return (x, y, z, w)
