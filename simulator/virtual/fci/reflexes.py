"""When the control box stops the arm by itself: pure functions from what it measures to the fault, or None.

Limits are the published ones of `simulator.arm_table`. How much the real box forgives beyond them is not published;
the tolerances here are ours.
"""

from dataclasses import dataclass

import numpy as np

from robot_daemon.devices import FloatArray
from simulator.arm_table import ArmTable
from simulator.virtual.fci.plant import PERIOD_S
from simulator.virtual.fci.protocol import Fault
from simulator.virtual.fci.settings import Thresholds

TORQUE_RATE = 1000.0
"""Limit of commanded torque per time, Nm/s, for every joint of both arms."""
TORQUE_RATE_TOLERANCE = 0.02
"""Nm that a commanded torque may step further in one cycle: state and command travel with different precision."""
SPEED_TOLERANCE = 1.05
"""Measured speed may exceed the limit by this factor."""
LOST_PACKET_LIMIT = 20
"""Commands missing in a row that stop a motion."""


@dataclass(frozen=True, kw_only=True, eq=False)
class JointLimits:
    """Limits of all joints as arrays of shape (7,): rad, rad/s, rad/s^2, Nm."""

    lower: FloatArray
    upper: FloatArray
    speed: FloatArray
    velocity_offset: FloatArray
    deceleration: FloatArray
    acceleration: FloatArray
    torque: FloatArray

    def speed_range(self, positions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Slowest and fastest velocity allowed at positions, rad/s: less before a position limit (Franka, FR3)."""
        room_up = np.sqrt(np.maximum(2.0 * self.deceleration * (self.upper - positions), 0.0)) - self.velocity_offset
        room_down = np.sqrt(np.maximum(2.0 * self.deceleration * (positions - self.lower), 0.0)) - self.velocity_offset
        return (
            -np.minimum(self.speed, np.maximum(room_down, 0.0)),
            np.minimum(self.speed, np.maximum(room_up, 0.0)),
        )


def joint_limits(table: ArmTable) -> JointLimits:
    """The table's limits as arrays."""
    joints = table.joints
    return JointLimits(
        lower=np.array([joint.lower for joint in joints]),
        upper=np.array([joint.upper for joint in joints]),
        speed=np.array([joint.speed for joint in joints]),
        velocity_offset=np.array([joint.velocity_offset for joint in joints]),
        deceleration=np.array([joint.deceleration for joint in joints]),
        acceleration=np.array([joint.acceleration for joint in joints]),
        torque=np.array([joint.torque for joint in joints]),
    )


def check_torque(commanded: FloatArray, applied: FloatArray, limits: JointLimits) -> Fault | None:
    """A commanded torque against the last applied one. Shapes (7,), Nm."""
    if not np.isfinite(commanded).all() or np.abs(commanded - applied).max() > (
        TORQUE_RATE * PERIOD_S + TORQUE_RATE_TOLERANCE
    ):
        return Fault.CONTROLLER_TORQUE_DISCONTINUITY
    if (np.abs(commanded) > limits.torque).any():
        return Fault.TAU_J_RANGE_VIOLATION
    return None


def check_joints(positions: FloatArray, velocities: FloatArray, limits: JointLimits) -> Fault | None:
    """Measured joints. Shapes (7,), rad and rad/s."""
    if (positions > limits.upper).any() or (positions < limits.lower).any():
        return Fault.JOINT_POSITION_LIMITS_VIOLATION
    if (np.abs(velocities) > SPEED_TOLERANCE * limits.speed).any():
        return Fault.JOINT_VELOCITY_VIOLATION
    return None


def check_contact(torques: FloatArray, wrench: FloatArray, thresholds: Thresholds) -> Fault | None:
    """External joint torques (7,) and wrench in the stiffness frame (6,) against the upper thresholds."""
    if (np.abs(torques) > thresholds.upper_torque).any():
        return Fault.JOINT_REFLEX
    if (np.abs(wrench) > thresholds.upper_force).any():
        return Fault.CARTESIAN_REFLEX
    return None


def check_losses(missed_in_a_row: int, limit: int = LOST_PACKET_LIMIT) -> Fault | None:
    """Commands that did not come in time."""
    return Fault.COMMUNICATION_CONSTRAINTS_VIOLATION if missed_in_a_row >= limit else None
