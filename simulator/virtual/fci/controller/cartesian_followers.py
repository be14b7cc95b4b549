"""Follows the Cartesian motion generators: inverts the kinematics one cycle at a time.

Differential inverse kinematics after Whitney (1969): joints move by the least-squares solution of J dq = error, damped
where the arm is nearly singular; a commanded elbow is reached along the null space.
"""

import math

import mujoco
import numpy as np

from serl_api.values import FloatArray
from simulator.model.arm_table import ArmTable
from simulator.virtual.fci.controller.flange_frame import DesiredArm
from simulator.virtual.fci.controller.followers import ACCELERATION_FACTOR, SPEED_FACTOR, Rates
from simulator.virtual.fci.controller.joint_control import Reference
from simulator.virtual.fci.controller.plant import PERIOD_S
from simulator.virtual.fci.controller.reflexes import JointLimits
from simulator.virtual.fci.faults import Fault

START_DISTANCE = 0.005
"""Of the first commanded pose from the desired one, m. The real one is not published."""
START_ANGLE = 0.02
"""The same for rotation, rad."""
START_ELBOW = 0.02
"""The same for the elbow, rad."""
_RIGID = 1e-4  # Largest departure from a rotation matrix.
_DAMPING = 1e-6
_CORRECTION = 0.1  # Share of the remaining error that a cycle makes up for.
_LEAST_ELBOW_SHARE = 0.05  # Of joint 3 in the null space's direction, for the elbow to be commanded.


class CartesianFollower:
    """Implements what both Cartesian generators share: the desired tool pose, its inversion, the elbow.

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
        self._rates = Rates(np.zeros(6))
        desired.update(reference.positions)
        self.pose: FloatArray = desired.flange.tool_pose(self._flange_to_tool)
        """Commanded tool pose in base, extrapolated while commands are lost. Shape (4, 4)."""
        self._has_started = False

    @property
    def twist(self) -> FloatArray:
        """Returns the last commanded twist in base, m/s and rad/s. Shape (6,)."""
        return self._rates.velocity

    def extrapolate(self) -> None:
        """See `Follower`."""
        self.pose = _moved(self.pose, self.twist * PERIOD_S)
        self._reference.extrapolate()

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

    def _check(self, twist: FloatArray, acceleration: FloatArray) -> Fault | None:
        """Judges a commanded twist and its derivative against the limits. Shapes (6,)."""
        linear, angular = _norms(twist)
        if not (linear <= SPEED_FACTOR * self._speeds[0] and angular <= SPEED_FACTOR * self._speeds[1]):
            return Fault.CARTESIAN_MOTION_GENERATOR_VELOCITY_LIMITS_VIOLATION
        linear, angular = _norms(acceleration)
        most_linear, most_angular = self._accelerations
        if linear > ACCELERATION_FACTOR * most_linear or angular > ACCELERATION_FACTOR * most_angular:
            return Fault.CARTESIAN_MOTION_GENERATOR_VELOCITY_DISCONTINUITY
        return None

    def _reach(self, way: FloatArray, command: np.void) -> Fault | None:
        """Moves the reference by a way of the tool in one cycle; what is left to `pose` vanishes over some more."""
        present = self._reference.positions
        self._desired.update(present)
        left = _way(self._desired.flange.tool_pose(self._flange_to_tool), self.pose) - way
        error = way + _CORRECTION * left
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

    _last: FloatArray

    def follow(self, command: np.void, cycles: int) -> Fault | None:
        """See `Follower`."""
        wanted = np.array(command["O_T_EE_c"]).reshape(4, 4, order="F")
        rotation = wanted[:3, :3]
        if not np.abs(rotation @ rotation.T - np.eye(3)).max() <= _RIGID:
            return Fault.CARTESIAN_POSITION_MOTION_GENERATOR_INVALID_FRAME
        fault = None if self._has_started else self._start_at(wanted, command)
        if fault is not None:
            return fault
        readings = self._rates.readings(_way(self._last, wanted), _way(self.pose, wanted), cycles)
        for twist, acceleration in readings:
            fault = self._check(twist, acceleration)
            if fault is None:
                self._rates.accept(twist, cycles)
                way, self.pose, self._last = _way(self.pose, wanted), wanted, wanted
                return self._reach(way, command)
        return fault

    def _start_at(self, wanted: FloatArray, command: np.void) -> Fault | None:
        linear, angular = _norms(_way(self.pose, wanted))
        if not (linear <= START_DISTANCE and angular <= START_ANGLE):
            return Fault.CARTESIAN_POSITION_MOTION_GENERATOR_START_POSE_INVALID
        self.pose = self._last = wanted
        return self._start(command)


class CartesianVelocityFollower(CartesianFollower):
    """Follows streamed twists of the tool, in base axes."""

    def follow(self, command: np.void, cycles: int) -> Fault | None:
        """See `Follower`."""
        twist = np.array(command["O_dP_EE_c"])
        fault = None if self._has_started else self._start(command)
        if fault is None:
            fault = self._check(twist, (twist - self.twist) / (cycles * PERIOD_S))
        if fault is not None:
            return fault
        self._rates.accept(twist, cycles)
        self.pose = _moved(self.pose, twist * PERIOD_S)
        return self._reach(twist * PERIOD_S, command)


def _norms(twist: FloatArray) -> tuple[float, float]:
    return math.hypot(*twist[:3].tolist()), math.hypot(*twist[3:].tolist())


def _way(start: FloatArray, goal: FloatArray) -> FloatArray:
    """Computes the way from one pose to another in base axes: m, then a rotation vector. Shapes (4, 4) and (6,)."""
    way, quat = np.zeros(6), np.zeros(4)
    way[:3] = goal[:3, 3] - start[:3, 3]
    mujoco.mju_mat2Quat(quat, (goal[:3, :3] @ start[:3, :3].T).ravel())
    mujoco.mju_quat2Vel(way[3:], quat, 1.0)
    return way


def _moved(pose: FloatArray, way: FloatArray) -> FloatArray:
    """Moves a pose by a way in base axes; the inverse of `_way`."""
    angle = math.hypot(*way[3:].tolist())
    quat, matrix, moved = np.zeros(4), np.zeros(9), pose.copy()
    mujoco.mju_axisAngle2Quat(quat, way[3:] / angle if angle > 0.0 else np.array((0.0, 0.0, 1.0)), angle)
    mujoco.mju_quat2Mat(matrix, quat)
    moved[:3, 3] += way[:3]
    moved[:3, :3] = matrix.reshape(3, 3) @ pose[:3, :3]
    return moved


def _along_null_space(jacobian: FloatArray, elbow: float) -> FloatArray:
    """Computes the step in the null space that turns joint 3 by an angle; zero where it takes no part. Shape (7,)."""
    direction = np.linalg.svd(jacobian)[2][6]
    if abs(direction[2]) < _LEAST_ELBOW_SHARE:
        return np.zeros(7)
    return direction * (elbow / direction[2])
