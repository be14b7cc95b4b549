"""The meaning of `Compliance` in franky's terms, and what franky's laws do not have.

franky's impedance motions follow the law of `simulator.impedance`: per-axis clipped spring on translation and rotation
vector in base axes, damper, posture in the null space, plus Coriolis. What differs is done here: clips that are not
symmetric are made by moving the reference, and wrench control is a torque motion that is fed in every turn.
"""

import math

import franky
import numpy as np

from robot_daemon.devices import Compliance, FloatArray, TcpTarget
from robot_daemon.rotation import conjugate, from_rotvec, multiply, normalized, slerp, to_rotvec

JOINT_STIFFNESS = (600.0, 600.0, 600.0, 600.0, 250.0, 150.0, 50.0)
"""Joint impedance, Nm/rad: Franka's example values."""
JOINT_DAMPING = (50.0, 50.0, 50.0, 50.0, 30.0, 25.0, 15.0)
"""Joint impedance, Nms/rad."""
WRENCH_DAMPING = np.array([10.0] * 3 + [1.0] * 3)
"""Damper that stays on in wrench control, so that free motion ends somewhere: Ns/m, Nms/rad."""
WRENCH_TIMEOUT_S = 0.1
"""Age of a torque at which franky ends wrench control by itself, s."""

_REGULARIZATION = 1e-6 * np.eye(6)


def cartesian_motion(
    compliance: Compliance, posture: FloatArray, gains_time_constant_s: float
) -> franky.CartesianImpedanceTrackingMotion:
    """A motion that tracks poses. Its clips are fixed; gains can change, see `set_gains`."""
    motion = franky.CartesianImpedanceTrackingMotion(
        translational_stiffness=compliance.translational_stiffness,
        rotational_stiffness=compliance.rotational_stiffness,
        posture_task=franky.PostureTask(posture, float(compliance.nullspace_stiffness)),
        translational_error_clip=np.maximum(
            compliance.translational_clip_positive, compliance.translational_clip_negative
        ),
        rotational_error_clip=np.maximum(compliance.rotational_clip_positive, compliance.rotational_clip_negative),
        gains_time_constant=gains_time_constant_s,
    )
    motion.set_gains(cartesian_gains(compliance))
    return motion


def cartesian_gains(compliance: Compliance) -> franky.CartesianImpedanceGains:
    """Stiffness and damping; the damping is always given, else franky would choose a critical one."""
    return franky.CartesianImpedanceGains.diagonal(
        stiffness=np.repeat([compliance.translational_stiffness, compliance.rotational_stiffness], 3),
        damping=np.repeat([compliance.translational_damping, compliance.rotational_damping], 3),
    )


def set_gains(motion: franky.CartesianImpedanceTrackingMotion, compliance: Compliance) -> None:
    """Changes the gains of a running motion; they take effect smoothly."""
    motion.set_gains(cartesian_gains(compliance))
    posture = franky.NullspaceGains()
    posture.posture_stiffness = float(compliance.nullspace_stiffness)
    motion.set_nullspace_gains(posture)


def joint_motion() -> franky.JointImpedanceTrackingMotion:
    """A motion that tracks joint positions."""
    return franky.JointImpedanceTrackingMotion(stiffness=np.array(JOINT_STIFFNESS), damping=np.array(JOINT_DAMPING))


def torque_motion() -> franky.SimpleTorqueMotion:
    """A motion that applies torques, and ends by itself when they stop coming."""
    return franky.SimpleTorqueMotion(signal_timeout=WRENCH_TIMEOUT_S, compensate_coriolis=True)


def affine(target: TcpTarget) -> franky.Affine:
    """A pose in franky's terms. Arrays of xyzw on both sides."""
    return franky.Affine(target.position, target.quaternion)


def clips_of(compliance: Compliance) -> tuple[tuple[float, float, float], ...]:
    """What makes one motion object unfit for another compliance."""
    return (
        compliance.translational_clip_positive,
        compliance.translational_clip_negative,
        compliance.rotational_clip_positive,
        compliance.rotational_clip_negative,
    )


def limit_reference(
    target: TcpTarget, position: FloatArray, quaternion: FloatArray, compliance: Compliance
) -> TcpTarget:
    """Moves a target so near that its error is within both clips of every axis.

    Args:
        target: To be tracked.
        position: Measured, m. Shape (3,).
        quaternion: Measured, xyzw. Shape (4,).
        compliance: With clips, in base axes.

    Returns:
        The target itself where the clips are symmetric: franky clips those in every cycle.
    """
    positive, negative, turn_positive, turn_negative = clips_of(compliance)
    if positive == negative and turn_positive == turn_negative:
        return target
    error = np.clip(target.position - position, np.negative(negative), positive)
    x, y, z, w = quaternion.tolist()
    wanted = tuple(target.quaternion.tolist())
    turn = np.array(to_rotvec(multiply(wanted, conjugate((x, y, z, w)))))
    rx, ry, rz = np.clip(turn, np.negative(turn_negative), turn_positive).tolist()
    limited = normalized(multiply(from_rotvec((rx, ry, rz)), (x, y, z, w)))
    return TcpTarget(position=position + error, quaternion=np.array(limited))


def approach(reference: TcpTarget, target: TcpTarget, elapsed_s: float, time_constant_s: float) -> TcpTarget:
    """One turn of a first-order low-pass from a reference to a target; the target itself without a time constant."""
    if time_constant_s <= 0.0:
        return target
    share = 1.0 - math.exp(-elapsed_s / time_constant_s)
    position = reference.position + share * (target.position - reference.position)
    quaternion = slerp(tuple(reference.quaternion.tolist()), tuple(target.quaternion.tolist()), share)
    return TcpTarget(position=position, quaternion=np.array(quaternion))


def wrench_torques(
    wrench: FloatArray,
    jacobian: FloatArray,
    positions: FloatArray,
    velocities: FloatArray,
    posture: FloatArray,
    stiffness: float,
) -> FloatArray:
    r"""Torques with which the tool exerts a wrench.

    .. math:: \tau = J^\top (F - D J \dot q) + (I - J^\top (J J^\top)^{-1} J) (k (q_0 - q) - 2 \sqrt k \dot q)

    Args:
        wrench: N and Nm at the TCP, in base axes. Shape (6,).
        jacobian: Of the TCP. Shape (6, 7).
        positions: rad. Shape (7,).
        velocities: rad/s. Shape (7,).
        posture: Joint positions that the null space prefers, rad. Shape (7,).
        stiffness: Of the posture, Nm/rad.

    Returns:
        Shape (7,), Nm, without gravity and Coriolis.
    """
    force = wrench - WRENCH_DAMPING * (jacobian @ velocities)
    spring = stiffness * (posture - positions) - 2.0 * math.sqrt(stiffness) * velocities
    seen = np.linalg.solve(jacobian @ jacobian.T + _REGULARIZATION, jacobian @ spring)
    return jacobian.T @ (force - seen) + spring
