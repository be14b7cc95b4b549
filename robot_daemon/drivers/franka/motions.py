r"""The daemon's laws as franky's motions; all of them are torque control at 1 kHz in franky's own thread.

- **Pose**: `CartesianImpedanceTrackingMotion`. Its law is that of the schema: spring on the full rotation vector, clip
  of the error per axis, damper on the twist, posture in the null space, Coriolis torques, 1 Nm per cycle at most.
  SERL's controller takes the quaternion's vector part for the rotation error: half its rotational stiffness and twice
  its rotational clip is the same here. Damping is always given, since franky's own choice is another one. Its clips are
  symmetric and fixed for a motion: other clips mean another motion, and directions are told apart in `shaping`.
- **Joints**: `JointImpedanceTrackingMotion`.
- **Wrench**: `SimpleTorqueMotion`, because it ends by itself 0.1 s after torques cease to come; the alternative, a pose
  motion without stiffness, would push on for ever when its feeder died.
"""

import math
from enum import Enum, auto
from typing import TypeAlias

import franky
import numpy as np

from robot_daemon.drivers.franka.facts import ArmFacts
from robot_daemon.drivers.franka.shaping import SpringLimits
from serl_api.values import FloatArray, FullCompliance, Pose

Motion: TypeAlias = (
    franky.CartesianImpedanceTrackingMotion | franky.JointImpedanceTrackingMotion | franky.SimpleTorqueMotion
)


class Law(Enum):
    """Names what the arm tracks."""

    POSE = auto()
    JOINTS = auto()
    WRENCH = auto()


TORQUE_TIMEOUT_S = 0.1
"""Age of the last torque at which a wrench motion ends."""


def pose_motion(
    compliance: FullCompliance, limits: SpringLimits, posture: FloatArray, facts: ArmFacts, gains_time_constant_s: float
) -> franky.CartesianImpedanceTrackingMotion:
    """Makes a motion that tracks a pose. Set its reference before it starts.

    The posture's pull fades in with the time constant of the gains, from nothing.
    """
    motion = franky.CartesianImpedanceTrackingMotion(
        translational_stiffness=compliance.translational_stiffness,
        rotational_stiffness=compliance.rotational_stiffness,
        posture_task=franky.PostureTask(posture, 0.0),
        translational_error_clip=limits.symmetric[:3],
        rotational_error_clip=limits.symmetric[3:],
        lower_joint_limits=np.array(facts.lower),
        upper_joint_limits=np.array(facts.upper),
        gains_time_constant=gains_time_constant_s,
    )
    retune(motion, compliance)
    return motion


def retune(motion: franky.CartesianImpedanceTrackingMotion, compliance: FullCompliance) -> None:
    """Changes the gains of a pose motion, also while it runs. Clips stay."""
    motion.set_gains(cartesian_gains(compliance))
    motion.set_nullspace_gains(nullspace_gains(compliance, compliance.nullspace_stiffness))


def cartesian_gains(compliance: FullCompliance) -> franky.CartesianImpedanceGains:
    """Returns stiffness and damping in franky's order: x, y, z, rx, ry, rz."""
    stiffness = np.repeat([compliance.translational_stiffness, compliance.rotational_stiffness], 3)
    damping = np.repeat([compliance.translational_damping, compliance.rotational_damping], 3)
    return franky.CartesianImpedanceGains.diagonal(stiffness, damping)


def nullspace_gains(compliance: FullCompliance, pull: float) -> franky.NullspaceGains:
    """Returns the gains of the posture: critically damped for the compliance's stiffness, whatever pulls at present.

    Args:
        compliance: In force.
        pull: Stiffness that keeps the pull within its bound, Nm/rad: `posture_stiffness`.
    """
    gains = franky.NullspaceGains()
    gains.posture_stiffness = pull
    gains.posture_damping = 2.0 * math.sqrt(compliance.nullspace_stiffness)
    gains.posture_max_torque = None
    return gains


def pose_reference(target: Pose) -> franky.CartesianReference:
    """Makes the reference of a pose in base. The damper acts on the whole velocity, as in the simulator."""
    return franky.CartesianReference(franky.Affine(target.position, target.quaternion_xyzw))


def joint_motion(stiffness: FloatArray, damping: FloatArray, facts: ArmFacts) -> franky.JointImpedanceTrackingMotion:
    """Makes a motion that tracks joint positions. Set its reference before it starts."""
    return franky.JointImpedanceTrackingMotion(
        stiffness=stiffness,
        damping=damping,
        lower_joint_limits=np.array(facts.lower),
        upper_joint_limits=np.array(facts.upper),
    )


def wrench_motion(torque: FloatArray, facts: ArmFacts) -> franky.SimpleTorqueMotion:
    """Makes a motion that applies torques. They have to be renewed within `TORQUE_TIMEOUT_S`."""
    return franky.SimpleTorqueMotion(
        initial_torque=torque,
        signal_timeout=TORQUE_TIMEOUT_S,
        compensate_coriolis=True,
        lower_joint_limits=np.array(facts.lower),
        upper_joint_limits=np.array(facts.upper),
    )
