"""Shapes a target into a reference: low-pass, clips per axis and direction, limits of joint torques.

Pure functions and small values, renewed by one loop some hundred times a second. The spring and the damper themselves
run in franky at 1 kHz.
"""

import math
from dataclasses import dataclass

import numpy as np

from robot_daemon.hardware.devices import ArmSample
from serl_api.rotation import Quaternion, conjugate, from_rotvec, multiply, slerp, to_rotvec
from serl_api.values import FloatArray, FullCompliance, Pose

POSTURE_TORQUE = 5.0
"""Largest torque that pulls a joint to the preferred posture, Nm: an arm far from it swings gently."""


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
    """

    stiffness: FloatArray
    damping: FloatArray
    lower: FloatArray
    upper: FloatArray
    symmetric: FloatArray
    torque: FloatArray


def spring_limits(compliance: FullCompliance, torque: FloatArray) -> SpringLimits:
    """Derives the limits of the spring from a compliance."""
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
    )


def limit_pose(target: Pose, measured: ArmSample, limits: SpringLimits) -> Pose:
    """Returns the reference that keeps the spring within its limits: the target itself where it does.

    The error is clipped per axis of base and direction. Then, where spring and damper together would ask more of a
    joint than it has, the error is shortened.
    """
    turned = quaternion_of(measured.tcp_pose.quaternion_xyzw)
    rotation = to_rotvec(multiply(quaternion_of(target.quaternion_xyzw), conjugate(turned)))
    error = np.array([*(target.position - measured.tcp_pose.position).tolist(), *rotation])
    clipped = np.minimum(np.maximum(error, limits.lower), limits.upper)
    spring = measured.jacobian.T @ (limits.stiffness * clipped)
    damper = measured.jacobian.T @ (limits.damping * measured.tcp_twist)
    ratio = affordable(spring, -damper, limits.torque)
    by_franky = np.minimum(np.maximum(error, -limits.symmetric), limits.symmetric)
    if ratio >= 1.0 and not np.count_nonzero(by_franky != clipped):
        return target
    clipped *= ratio
    x, y, z = clipped[3:].tolist()
    return Pose(measured.tcp_pose.position + clipped[:3], np.array(multiply(from_rotvec((x, y, z)), turned)))


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


def limit_joints(target: FloatArray, measured: ArmSample, limits: JointLimits) -> FloatArray:
    """Returns the joint reference that keeps every spring within limits: the target where it does. Shapes (7,)."""
    spring = limits.stiffness * (target - measured.joint_positions)
    damper = limits.damping * measured.joint_velocities
    fastest = np.where(limits.damping > 0.0, limits.damping * limits.speed, np.inf)
    lower = np.maximum(damper - limits.torque, -fastest)
    upper = np.minimum(damper + limits.torque, fastest)
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
) -> FloatArray:
    r"""Computes the joint torques that exert a wrench at the TCP.

    .. math:: \tau = J^\top (f - D J \dot q) + (I - J^+ J)(k_n (q_0 - q) - 2 \sqrt{k_n} \dot q)

    Args:
        wrench: N and Nm that the tool exerts, in base axes. Shape (6,).
        measured: State of the arm.
        damping: Shape (6,), Ns/m and Nms/rad.
        posture: Preferred joint positions. Shape (7,), rad.
        stiffness: Of the posture, Nm/rad.
        bound: Largest torque of each joint; the wrench is shortened, in its direction. Shape (7,), Nm.
    """
    jacobian, velocities = measured.jacobian, measured.joint_velocities
    pull = stiffness * (posture - measured.joint_positions)
    pull = np.minimum(np.maximum(pull, -POSTURE_TORQUE), POSTURE_TORQUE) - 2.0 * math.sqrt(stiffness) * velocities
    inner = np.linalg.solve(jacobian @ jacobian.T + 1e-8 * np.eye(6), jacobian @ pull)
    rest = pull - jacobian.T @ (inner + damping * measured.tcp_twist)
    push = jacobian.T @ wrench
    return push * affordable(push, rest, bound) + rest
