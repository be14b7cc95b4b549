"""Shapes a target into a reference: low-pass, clips per axis and direction, limits of joint torques.

Pure functions and small values, renewed by one loop some hundred times a second. The spring and the damper themselves
run in franky at 1 kHz.
"""

import math
from dataclasses import dataclass

import numpy as np

from robot_daemon.drivers.franka.joint_walls import JointWalls, turn_back
from robot_daemon.hardware.devices import ArmSample, MotionBounds
from robot_daemon.hardware.holding import BRAKE_DAMPING
from serl_api.rotation import Quaternion, conjugate, from_rotvec, multiply, slerp, to_rotvec
from serl_api.values import FloatArray, FullCompliance, Pose

POSTURE_SPEED = 0.3
"""Speed that the pull to the preferred posture settles at along the null space, at most, rad/s: an arm far from its
posture swings gently. serl_franka_controllers pulls with 0.2 Nm/rad, joint 1 with 20, and does not bound the torque."""


def posture_stiffness(stiffness: float, posture: FloatArray, measured: ArmSample) -> float:
    """Returns the stiffness with which the posture pulls along the null space within its bound: the full one if it can.

    The bound is what a damper that is critical for unit mass takes at `POSTURE_SPEED`, as in the simulator. To bound
    each joint's torque before it is projected, as franky does, would bend the pull: what is left of it along the null
    space may be nothing.

    Args:
        stiffness: Nm/rad.
        posture: Preferred joint positions. Shape (7,), rad.
        measured: State of the arm.
    """
    most, away = 2.0 * math.sqrt(stiffness) * POSTURE_SPEED, posture - measured.joint_positions
    if stiffness * math.sqrt(float(away @ away)) <= most:
        return stiffness
    along = abs(float(null_direction(measured.jacobian) @ away))
    return stiffness if stiffness * along <= most else most / along


def null_direction(jacobian: FloatArray) -> FloatArray:
    """Returns a unit vector of joint velocities that moves the TCP least: not at all, away from singular postures.

    Shapes (6, 7) and (7,).
    """
    return np.linalg.svd(jacobian)[2][6]


WALL_TIME_S = 0.1
"""Shortest time to a wall of the box at the present speed; a TCP that is faster is braked, s."""
WALL_DAMPING = 300.0
"""Damping that brakes it, Ns/m."""
CALM_SHARE = 0.4
"""Share of a joint's top speed up to which springs pull as they are."""
HALT_SHARE = 0.8
"""Share at which they no longer pull in its direction; dampers then brake. Torques take 1 ms a Nm to change."""


def share(elapsed_s: float, time_constant_s: float) -> float:
    """Returns the share of the way to its input that a first-order low-pass goes in a time."""
    return 1.0 if time_constant_s <= 0.0 else 1.0 - math.exp(-max(elapsed_s, 0.0) / time_constant_s)


def quaternion_of(values: FloatArray) -> Quaternion:
    """Returns a quaternion, (4,) xyzw, as a tuple."""
    x, y, z, w = values.tolist()
    return (x, y, z, w)


def approach_pose(present: Pose, goal: Pose, ratio: float) -> Pose:
    """Returns the pose at a share of the way; the goal itself when little is left."""
    if ratio >= 1.0:
        return goal
    gap = goal.position - present.position
    start, end = quaternion_of(present.quaternion_xyzw), quaternion_of(goal.quaternion_xyzw)
    if float(np.abs(gap).max()) < 1e-6 and abs(sum(a * b for a, b in zip(start, end, strict=True))) > 1.0 - 1e-13:
        return goal
    return Pose(present.position + gap * ratio, np.array(slerp(start, end, ratio), dtype=np.float64))


def approach(present: FloatArray, goal: FloatArray, ratio: float, most: FloatArray | None = None) -> FloatArray:
    """Returns the vector at a share of the way, whose elements change by `most` at most."""
    step = (goal - present) * ratio
    if most is not None and np.count_nonzero(np.abs(step) > most):
        return present + np.minimum(np.maximum(step, -most), most)
    if ratio >= 1.0 or float(np.abs(goal - present).max()) < 1e-7:
        return goal
    return present + step


@dataclass(frozen=True, eq=False)
class SpringLimits:
    """Holds the limits of the Cartesian spring.

    Attributes:
        stiffness: Shape (6,), N/m and Nm/rad.
        damping: Shape (6,).
        lower: Largest error towards negative axes, as negative numbers. Shape (6,), m and rad.
        upper: Largest error towards positive axes. Shape (6,).
        symmetric: Smallest clip that contains both directions, which franky enforces itself. Shape (6,).
        torque: Bound of the torque of each joint. Shape (7,), Nm.
        force: Bound of the spring's force, N: what the damper takes at the top speed.
        moment: The same for its torque, Nm.
        speed: Speed limits of the joints. Shape (7,), rad/s.
        corners: Lower and upper corner of the box of the TCP. Shape (2, 3), m.
    """

    stiffness: FloatArray
    damping: FloatArray
    lower: FloatArray
    upper: FloatArray
    symmetric: FloatArray
    torque: FloatArray
    force: float
    moment: float
    speed: FloatArray
    corners: FloatArray


def spring_limits(
    compliance: FullCompliance, torque: FloatArray, bounds: MotionBounds, speed: FloatArray
) -> SpringLimits:
    """Derives the limits of the spring from a compliance, the joints' bounds of torque and speed, and the cell's."""
    gains = compliance
    upper = np.array([*gains.translational_clip_positive, *gains.rotational_clip_positive])
    lower = -np.array([*gains.translational_clip_negative, *gains.rotational_clip_negative])
    return SpringLimits(
        stiffness=np.repeat([gains.translational_stiffness, gains.rotational_stiffness], 3),
        damping=np.repeat([gains.translational_damping, gains.rotational_damping], 3),
        lower=lower,
        upper=upper,
        symmetric=np.maximum(upper, -lower),
        torque=torque,
        force=gains.translational_damping * bounds.speed,
        moment=gains.rotational_damping * bounds.rotation_speed,
        speed=speed,
        corners=np.array([bounds.lower, bounds.upper]),
    )


def limit_pose(target: Pose, measured: ArmSample, limits: SpringLimits, walls: JointWalls) -> Pose:
    """Returns the reference that keeps the spring within its limits: the target itself where it does.

    The error is clipped per axis of base and direction. It is shortened where the spring would pull harder than the
    damper takes at the top speed, where a joint nears its top speed already, and where spring and damper together would
    ask more of a joint than it has. A TCP that comes too fast to a wall of the box is braked, and so is a joint before
    the limit of its position.
    """
    turned = quaternion_of(measured.tcp_pose.quaternion_xyzw)
    rotation = to_rotvec(multiply(quaternion_of(target.quaternion_xyzw), conjugate(turned)))
    error = np.array([*(target.position - measured.tcp_pose.position).tolist(), *rotation])
    clipped = np.minimum(np.maximum(error, limits.lower), limits.upper)
    unhurried = _shorten(clipped[:3], limits.stiffness[0], limits.force)
    unhurried = _shorten(clipped[3:], limits.stiffness[3], limits.moment) and unhurried
    unhurried = not _brake(clipped, measured, limits) and unhurried
    damper = measured.jacobian.T @ (limits.damping * measured.tcp_twist)
    torques = walls.torques(measured.joint_positions, measured.joint_velocities)
    if not turn_back(clipped, limits.stiffness, measured.jacobian, -damper, *torques):
        clipped, unhurried = np.minimum(np.maximum(clipped, limits.lower), limits.upper), False
    spring = measured.jacobian.T @ (limits.stiffness * clipped)
    ratio = affordable(spring, -damper, limits.torque) * calm(spring, measured.joint_velocities, limits.speed)
    by_franky = np.minimum(np.maximum(error, -limits.symmetric), limits.symmetric)
    if ratio >= 1.0 and unhurried and not np.count_nonzero(by_franky != clipped):
        return target
    clipped *= ratio
    x, y, z = clipped[3:].tolist()
    return Pose(measured.tcp_pose.position + clipped[:3], np.array(multiply(from_rotvec((x, y, z)), turned)))


def brake_pose(goal: Pose | None, measured: ArmSample, limits: SpringLimits) -> Pose:
    """Returns the reference that brakes the TCP by a strong damper: about a goal, or where there is none, anywhere."""
    turned = quaternion_of(measured.tcp_pose.quaternion_xyzw)
    error = np.zeros(6)
    if goal is not None:
        error[:3] = goal.position - measured.tcp_pose.position
        error[3:] = to_rotvec(multiply(quaternion_of(goal.quaternion_xyzw), conjugate(turned)))
    more = np.maximum(BRAKE_DAMPING - limits.damping, 0.0) * measured.tcp_twist
    error -= np.divide(more, limits.stiffness, out=np.zeros(6), where=limits.stiffness > 0.0)
    error = np.minimum(np.maximum(error, limits.lower), limits.upper)
    spring = measured.jacobian.T @ (limits.stiffness * error)
    damper = measured.jacobian.T @ (limits.damping * measured.tcp_twist)
    error *= affordable(spring, -damper, limits.torque)
    x, y, z = error[3:].tolist()
    return Pose(measured.tcp_pose.position + error[:3], np.array(multiply(from_rotvec((x, y, z)), turned)))


def calm(torque: FloatArray, velocities: FloatArray, speed: FloatArray) -> float:
    """Returns the share, in [0, 1], of torques that is left when joints near their top speeds, in their direction.

    All of it up to `CALM_SHARE` of the top speed, nothing from `HALT_SHARE` on. Shapes (7,).
    """
    shares = np.abs(velocities) / speed
    if not np.count_nonzero(shares > CALM_SHARE):
        return 1.0
    driven = torque * velocities > 0.0
    worst = float(np.max(np.where(driven, shares, 0.0)))
    return min(1.0, max(0.0, (HALT_SHARE - worst) / (HALT_SHARE - CALM_SHARE)))


def _brake(error: FloatArray, measured: ArmSample, limits: SpringLimits) -> bool:
    """Turns the error of axes that near a wall too fast, in place, into a strong damper; returns whether any does."""
    speed, place = measured.tcp_twist[:3], measured.tcp_pose.position
    room = np.where(speed > 0.0, limits.corners[1] - place, place - limits.corners[0])
    fast = np.abs(speed) * WALL_TIME_S > np.maximum(room, 0.0)
    if not np.count_nonzero(fast) or not limits.stiffness[0]:
        return False
    more = np.maximum(WALL_DAMPING - limits.damping[:3], 0.0) / limits.stiffness[:3]
    error[:3] = np.where(fast, -more * speed, error[:3])
    return True


def _shorten(error: FloatArray, stiffness: float, most: float) -> bool:
    """Shortens an error, in place, to what a spring turns into a bound; returns whether it was short enough."""
    pull = stiffness * math.sqrt(float(error @ error))
    if pull <= most:
        return True
    error *= most / pull
    return False


def affordable(wanted: FloatArray, present: FloatArray, bound: FloatArray) -> float:
    """Returns the largest share, in [0, 1], of wanted torques that present ones leave room for. Shapes (7,)."""
    total = wanted + present
    if not np.count_nonzero(np.abs(total) > bound):
        return 1.0
    size = np.abs(wanted)
    room = bound - np.sign(wanted) * present
    shares = np.divide(room, size, out=np.full(7, np.inf), where=size > 1e-9)
    return float(min(1.0, max(0.0, shares.min())))


@dataclass(frozen=True, eq=False)
class JointLimits:
    """Holds the limits of the joints' springs. Shapes (7,)."""

    stiffness: FloatArray
    """Nm/rad."""
    damping: FloatArray
    """Nms/rad."""
    torque: FloatArray
    """Bound of spring and damper together, Nm."""
    speed: FloatArray
    """Speed that spring and damper settle at, at most, rad/s."""


def limit_joints(target: FloatArray, measured: ArmSample, limits: JointLimits, walls: JointWalls) -> FloatArray:
    """Returns the joint reference that keeps every spring within limits: the target where it does. Shapes (7,)."""
    spring = limits.stiffness * (target - measured.joint_positions)
    damper = limits.damping * measured.joint_velocities
    lowest, highest = walls.speeds(measured.joint_positions)
    is_damped = limits.damping > 0.0
    down = np.where(is_damped, limits.damping * np.maximum(lowest, -limits.speed), -np.inf)
    up = np.where(is_damped, limits.damping * np.minimum(highest, limits.speed), np.inf)
    lower = np.maximum(damper - limits.torque, down)
    upper = np.minimum(damper + limits.torque, up)
    outside = (spring < lower) | (spring > upper)
    if not np.count_nonzero(outside):
        return target
    bounded = np.minimum(np.maximum(spring, lower), upper)
    reference = measured.joint_positions + bounded / np.maximum(limits.stiffness, 1e-9)
    return np.where(outside, reference, target)


def wrench_torque(
    wrench: FloatArray,
    measured: ArmSample,
    damping: FloatArray,
    posture: FloatArray,
    stiffness: float,
    bound: FloatArray,
    walls: JointWalls,
) -> FloatArray:
    r"""Computes the joint torques of a spring and a damper at the TCP.

    .. math:: \tau = J^\top (f - D J \dot q) + (I - J^+ J)(k_n (q_0 - q) - 2 \sqrt{k_n} \dot q)

    Args:
        wrench: Of the spring, N and Nm that the tool exerts, in base axes. Shape (6,).
        measured: State of the arm.
        damping: Shape (6,), Ns/m and Nms/rad.
        posture: Preferred joint positions. Shape (7,), rad.
        stiffness: Of the posture, Nm/rad.
        bound: Largest torque of each joint; the wrench is shortened, in its direction. Shape (7,), Nm.
        walls: What holds joints back before the limits of their positions.
    """
    jacobian, velocities = measured.jacobian, measured.joint_velocities
    pull = posture_stiffness(stiffness, posture, measured) * (posture - measured.joint_positions)
    pull = pull - 2.0 * math.sqrt(stiffness) * velocities
    inner = np.linalg.solve(jacobian @ jacobian.T + 1e-8 * np.eye(6), jacobian @ pull)
    rest = pull - jacobian.T @ (inner + damping * measured.tcp_twist)
    push = jacobian.T @ wrench
    least, most = walls.torques(measured.joint_positions, velocities)
    torque = push * affordable(push, rest, bound) + rest
    return np.minimum(np.maximum(torque, np.maximum(least, -bound)), np.minimum(most, bound))
