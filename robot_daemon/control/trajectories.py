"""Plans trajectories from one configuration to another: minimum jerk in time, straight in space."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from robot_daemon.control.clearance import PartsOf
from robot_daemon.hardware.devices import ArmSample
from serl_api.cell import ArmInfo
from serl_api.rotation import Quaternion, angle_between, slerp
from serl_api.values import FloatArray, JointTarget, Pose

PEAK_SPEED_RATIO = 1.875
"""Peak over mean speed of a minimum-jerk motion: the derivative of `minimum_jerk` at its middle, 15/8."""

MIN_DURATION_S = 0.1
"""Shortest motion; a goal next to the start still ramps."""


JOINT_SPEED_SHARE = 0.5
"""Share of a joint's speed limit that a path may use: a compliant arm lags, then catches up faster than its path."""


TOOL_SPEED_SHARE = 0.8
"""The same of the TCP's top speeds, at which the arm's driver slows the joints down."""
WAY_SAMPLES = 33
"""Configurations of a path in which the way of the tool is judged."""


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


def plan_joints(
    state: ArmSample,
    goal: JointTarget,
    arm: ArmInfo,
    *,
    speed_ratio: float,
    tool_way: tuple[float, float] = (0.0, 0.0),
    tool_speed: tuple[float, float] = (1.0, 1.0),
) -> JointPath:
    """Plans a path from the measured joints on which no joint exceeds a fraction of half its speed limit.

    Args:
        state: Where the arm is.
        goal: Where to.
        arm: Facts of the arm.
        speed_ratio: Fraction of the top speeds.
        tool_way: How far the TCP goes and turns per path, at most, m and rad; see `way_of_tool`.
        tool_speed: Top speeds of the TCP, m/s and rad/s.
    """
    way = np.abs(goal.positions - state.joint_positions)
    slowest = max(
        float((way / (JOINT_SPEED_SHARE * arm.joint_speed)).max()),
        *(way / (TOOL_SPEED_SHARE * speed) for way, speed in zip(tool_way, tool_speed, strict=True)),
    )
    duration = max(PEAK_SPEED_RATIO * slowest / speed_ratio, MIN_DURATION_S)
    if not math.isfinite(duration):
        raise ValueError(f"an arm with joint speeds {arm.joint_speed.tolist()} cannot be planned for")
    return JointPath(start=JointTarget(positions=state.joint_positions), goal=goal, duration_s=duration)


def way_of_tool(parts_of: PartsOf, start: FloatArray, goal: FloatArray) -> tuple[float, float]:
    """Computes how far the TCP goes and turns on a straight path of the joints, at the rate of its fastest part.

    Returns:
        m and rad per path; no turn where the arm's driver does not know it.
    """
    shares = np.linspace(0.0, 1.0, WAY_SAMPLES)
    parts = parts_of(start + shares[:, None] * (goal - start))
    pace = WAY_SAMPLES - 1
    steps = np.linalg.norm(np.diff(parts.positions[:, -1], axis=0), axis=1)
    if parts.turns is None:
        return pace * float(steps.max()), 0.0
    traces = np.einsum("nij,nij->n", parts.turns[:-1], parts.turns[1:])
    angles = np.arccos(np.clip(0.5 * (traces - 1.0), -1.0, 1.0))
    return pace * float(steps.max()), pace * float(angles.max())


def _quaternion(target: Pose) -> Quaternion:
    x, y, z, w = target.quaternion_xyzw.tolist()
    return (x, y, z, w)
