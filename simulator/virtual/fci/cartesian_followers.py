"""Followers of the Cartesian motion generators: they invert the kinematics one cycle at a time.

Differential inverse kinematics after Whitney (1969): joints move by the least-squares solution of J dq = error, damped
where the arm is nearly singular; a commanded elbow is reached along the null space.
"""

import math

import mujoco
import numpy as np

from robot_daemon.devices import FloatArray
from simulator.arm_table import ArmTable
from simulator.virtual.fci.flange_frame import DesiredArm
from simulator.virtual.fci.followers import SPEED_TOLERANCE as SPEED_FACTOR
from simulator.virtual.fci.joint_control import Reference
from simulator.virtual.fci.plant import PERIOD_S
from simulator.virtual.fci.protocol import Fault
from simulator.virtual.fci.reflexes import JointLimits

START_DISTANCE = 0.005
"""Of the first commanded pose from the desired one, m. The real one is not published."""
START_ANGLE = 0.02
"""The same for rotation, rad."""
START_ELBOW = 0.02
"""The same for the elbow, rad."""
ACCELERATION_FACTOR = 1.5
"""Commanded accelerations may exceed the limit by this factor: they are differences of differences."""

_RIGID = 1e-4  # Largest departure from a rotation matrix.
_DAMPING = 1e-6
_LEAST_ELBOW_SHARE = 0.05  # Of joint 3 in the null space's direction, for the elbow to be commanded.


class CartesianFollower:
    """What both Cartesian generators share: the desired tool pose, its inversion, the elbow.

    Args:
        reference: Where the joints should be; this moves it.
        table: Facts of the arm.
        limits: The same as arrays.
        desired: Kinematics at the reference.
        flange_to_tool: F_T_EE. Shape (4, 4).
    """

    def __init__(
        self,
        reference: Reference,
        table: ArmTable,
        limits: JointLimits,
        desired: DesiredArm,
        flange_to_tool: FloatArray,
    ) -> None:
        self._reference = reference
        self._limits = limits
        self._desired = desired
        self._flange_to_tool = flange_to_tool.copy()
        self._speeds, self._accelerations = table.cartesian_speed, table.cartesian_acceleration
        self._cycles = 1
        desired.update(reference.positions)
        self.pose: FloatArray = desired.flange.tool_pose(self._flange_to_tool)
        """Last commanded tool pose in base. Shape (4, 4)."""
        self.twist: FloatArray = np.zeros(6)
        """Last commanded twist in base, m/s and rad/s."""
        self._has_started = False

    def _start(self, command: np.void) -> Fault | None:
        """Judges the elbow that the first command asks for."""
        self._has_started = True
        if not command["valid_elbow"]:
            return None
        elbow, sign = command["elbow_c"]
        if sign != math.copysign(1.0, self._reference.positions[3]):
            return Fault.START_ELBOW_SIGN_INCONSISTENT
        if not abs(elbow - self._reference.positions[2]) <= START_ELBOW:
            return Fault.CARTESIAN_MOTION_GENERATOR_START_ELBOW_INVALID
        return None

    def _check_twist(self, twist: FloatArray, cycles: int) -> Fault | None:
        """Judges a mean twist over the last cycles against the limits."""
        spans = 0.5 * (cycles + self._cycles) * PERIOD_S
        linear, angular = _norms(twist)
        if not (linear <= SPEED_FACTOR * self._speeds[0] and angular <= SPEED_FACTOR * self._speeds[1]):
            return Fault.CARTESIAN_MOTION_GENERATOR_VELOCITY_LIMITS_VIOLATION
        linear, angular = _norms((twist - self.twist) / spans)
        if (
            linear > ACCELERATION_FACTOR * self._accelerations[0]
            or angular > ACCELERATION_FACTOR * self._accelerations[1]
        ):
            return Fault.CARTESIAN_MOTION_GENERATOR_VELOCITY_DISCONTINUITY
        self.twist, self._cycles = twist, cycles
        return None

    def _reach(self, command: np.void) -> Fault | None:
        """Moves the reference so that the tool gets to `pose`."""
        present = self._reference.positions
        self._desired.update(present)
        error = _pose_error(self.pose, self._desired.flange.tool_pose(self._flange_to_tool))
        jacobian = self._desired.flange.jacobian(self._flange_to_tool[:3, 3])
        gram = jacobian @ jacobian.T
        gram.flat[::7] += _DAMPING
        step = jacobian.T @ np.linalg.solve(gram, error)
        if command["valid_elbow"]:
            step += _along_null_space(jacobian, float(command["elbow_c"][0]) - float(present[2] + step[2]))
        positions, velocities = present + step, step / PERIOD_S
        limits = self._limits
        if np.count_nonzero(np.abs(velocities) <= SPEED_FACTOR * limits.speed) < 7:
            return Fault.CARTESIAN_MOTION_GENERATOR_JOINT_VELOCITY_LIMITS_VIOLATION
        if np.count_nonzero((positions > limits.upper) | (positions < limits.lower)):
            return Fault.CARTESIAN_MOTION_GENERATOR_JOINT_POSITION_LIMITS_VIOLATION
        self._reference.move_to(positions, velocities)
        return None


class CartesianPoseFollower(CartesianFollower):
    """Follows streamed tool poses."""

    def follow(self, command: np.void, cycles: int) -> Fault | None:
        """See `Follower`."""
        wanted = np.array(command["O_T_EE_c"]).reshape(4, 4, order="F")
        rotation = wanted[:3, :3]
        if not np.abs(rotation @ rotation.T - np.eye(3)).max() <= _RIGID:
            return Fault.CARTESIAN_POSITION_MOTION_GENERATOR_INVALID_FRAME
        error = _pose_error(wanted, self.pose)
        if not self._has_started:
            fault = self._start(command)
            linear, angular = _norms(error)
            if fault is None and not (linear <= START_DISTANCE and angular <= START_ANGLE):
                fault = Fault.CARTESIAN_POSITION_MOTION_GENERATOR_START_POSE_INVALID
            error[:] = 0.0
            if fault is not None:
                return fault
        fault = self._check_twist(error / (cycles * PERIOD_S), cycles)
        if fault is not None:
            return fault
        self.pose = wanted
        return self._reach(command)


class CartesianVelocityFollower(CartesianFollower):
    """Follows streamed twists of the tool, in base axes."""

    def follow(self, command: np.void, cycles: int) -> Fault | None:
        """See `Follower`."""
        fault = None if self._has_started else self._start(command)
        twist = np.array(command["O_dP_EE_c"])
        fault = fault or self._check_twist(twist, cycles)
        if fault is not None:
            return fault
        self.pose = self.pose.copy()
        self.pose[:3, 3] += twist[:3] * (cycles * PERIOD_S)
        self.pose[:3, :3] = _turn(self.pose[:3, :3], twist[3:] * (cycles * PERIOD_S))
        return self._reach(command)


def _norms(twist: FloatArray) -> tuple[float, float]:
    return math.hypot(*twist[:3].tolist()), math.hypot(*twist[3:].tolist())


def _pose_error(goal: FloatArray, present: FloatArray) -> FloatArray:
    """Goal minus present in base axes: m, then a rotation vector. Shapes (4, 4) and (6,)."""
    error, quat = np.zeros(6), np.zeros(4)
    error[:3] = goal[:3, 3] - present[:3, 3]
    mujoco.mju_mat2Quat(quat, (goal[:3, :3] @ present[:3, :3].T).ravel())
    mujoco.mju_quat2Vel(error[3:], quat, 1.0)
    return error


def _turn(rotation: FloatArray, vector: FloatArray) -> FloatArray:
    """A rotation, turned by a rotation vector in base axes. Shapes (3, 3) and (3,)."""
    angle = math.hypot(*vector.tolist())
    quat, matrix = np.zeros(4), np.zeros(9)
    mujoco.mju_axisAngle2Quat(quat, vector / angle if angle > 0.0 else np.array((0.0, 0.0, 1.0)), angle)
    mujoco.mju_quat2Mat(matrix, quat)
    return matrix.reshape(3, 3) @ rotation


def _along_null_space(jacobian: FloatArray, elbow: float) -> FloatArray:
    """The step in the null space that turns joint 3 by an angle; zero where joint 3 takes no part. Shape (7,)."""
    direction = np.linalg.svd(jacobian)[2][6]
    if abs(direction[2]) < _LEAST_ELBOW_SHARE:
        return np.zeros(7)
    return direction * (elbow / direction[2])
