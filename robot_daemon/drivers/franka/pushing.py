r"""Turns a wrench target into spring and damper at the TCP, so that pushing in free space stays slow and in the box.

Pure functions, renewed by the loop some hundred times a second; the simulator's actuators do the same.

- **A forced axis of translation** pulls to the wall of the box in the direction of the force, by no more than the
  force: all of it in the middle of the box, less within the last centimetres, and back into the box beyond.
- **Speed**: the damper takes all of the wrench at the top speed.
- **An axis that is not forced** is held where it was, by the spring of the compliance.
"""

from dataclasses import dataclass

import numpy as np

from robot_daemon.drivers.franka.shaping import SpringLimits, quaternion_of
from robot_daemon.hardware.devices import ArmSample, MotionBounds
from serl_api.rotation import conjugate, from_rotvec, multiply, to_rotvec
from serl_api.values import FloatArray, Pose

WALL_STIFFNESS = 1000.0
"""Stiffness of the walls of the box, N/m: 30 N fade within 3 cm before a wall."""
WALL_FORCE = 60.0
"""Largest force of a wall, N."""
DAMPING = 60.0
"""Smallest damping of a forced axis of translation, Ns/m."""
ROTATIONAL_DAMPING = 2.0
"""The same for rotation, Nms/rad."""
SLIGHT = np.array([0.01] * 3 + [0.001] * 3)
"""Wrench that counts as none, N and Nm."""


@dataclass(frozen=True, eq=False)
class Push:
    """Holds what acts at the TCP, in base axes."""

    spring: FloatArray
    """N and Nm. Shape (6,)."""
    damping: FloatArray
    """Ns/m and Nms/rad. Shape (6,)."""


def next_anchor(anchor: Pose, wrench: FloatArray, measured: ArmSample) -> Pose:
    """Moves the pose at which axes are held along with the axes that are forced."""
    forced = np.abs(wrench) > SLIGHT
    position = np.where(forced[:3], measured.tcp_pose.position, anchor.position)
    if not forced[3:].any():
        return Pose(position, anchor.quaternion_xyzw)
    held = np.where(forced[3:], 0.0, _turn(anchor, measured))
    x, y, z = held.tolist()
    turned = multiply(from_rotvec((x, y, z)), quaternion_of(measured.tcp_pose.quaternion_xyzw))
    return Pose(position, np.array(turned))


def push(wrench: FloatArray, measured: ArmSample, anchor: Pose, limits: SpringLimits, bounds: MotionBounds) -> Push:
    """Returns spring and damper of a wrench.

    Args:
        wrench: What the tool should exert. Shape (6,), N and Nm.
        measured: State of the arm.
        anchor: Where axes are held that are not forced.
        limits: Spring and damper of those axes.
        bounds: Box and speeds.
    """
    forced = np.abs(wrench) > SLIGHT
    position = measured.tcp_pose.position
    held = np.clip(anchor.position, bounds.lower, bounds.upper) - position
    error = np.concatenate([held, _turn(anchor, measured)])
    spring = limits.stiffness * np.minimum(np.maximum(error, limits.lower), limits.upper)
    wall = WALL_STIFFNESS * (np.where(wrench[:3] > 0.0, bounds.upper, bounds.lower) - position)
    force = np.abs(wrench[:3])
    towards = np.where(wrench[:3] > 0.0, np.clip(wall, -WALL_FORCE, force), np.clip(wall, -force, WALL_FORCE))
    pull = np.concatenate([towards, wrench[3:]])
    return Push(np.where(forced, pull, spring), np.where(forced, push_damping(wrench, bounds), limits.damping))


def push_damping(wrench: FloatArray, bounds: MotionBounds) -> FloatArray:
    """Returns the damping, (6,), that takes all of a wrench at the top speeds."""
    linear = max(DAMPING, float(np.linalg.norm(wrench[:3])) / bounds.push_speed)
    angular = max(ROTATIONAL_DAMPING, float(np.linalg.norm(wrench[3:])) / bounds.push_rotation_speed)
    return np.array([linear] * 3 + [angular] * 3)


def _turn(anchor: Pose, measured: ArmSample) -> FloatArray:
    """Computes the rotation vector from the measured orientation to the anchor's, in base axes. Shape (3,), rad."""
    turned = conjugate(quaternion_of(measured.tcp_pose.quaternion_xyzw))
    return np.array(to_rotvec(multiply(quaternion_of(anchor.quaternion_xyzw), turned)))
