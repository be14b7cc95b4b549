"""Decides when the control box stops the arm by itself: pure functions from measurements to a fault, or None.

Limits are the published ones of `simulator.model.arm_table`. How much the real box forgives beyond them is not
published; the tolerances here are ours.
"""

from dataclasses import dataclass, fields

import numpy as np

from serl_api.values import FloatArray
from simulator.model.arm_table import ArmTable
from simulator.virtual.fci.controller.settings import Thresholds
from simulator.virtual.fci.faults import Fault

TORQUE_STEP = 1.0
"""Limit of a commanded torque's change from one cycle to the next, Nm: 1000 Nm/s for every joint of both arms."""
TORQUE_STEP_TOLERANCE = 0.02
"""Nm by which it may be exceeded: the state tells the last torque with 24 bits only."""
SPEED_TOLERANCE = 0.05
"""Share of the speed limit by which a speed may exceed it."""
LOST_PACKET_LIMIT = 20
"""Commands missing in a row that stop a motion."""


@dataclass(frozen=True, kw_only=True, eq=False)
class JointLimits:
    """Holds the limits of all joints as arrays of shape (7,): rad, rad/s, rad/s^2, Nm."""

    lower: FloatArray
    upper: FloatArray
    speed: FloatArray
    velocity_offset: FloatArray
    deceleration: FloatArray
    acceleration: FloatArray
    torque: FloatArray

    def velocity_range(self, positions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Returns the lowest and highest velocity allowed at positions, rad/s. Shapes (7,).

        Before a position limit it falls to zero (Franka, "Robot and interface specifications", limits of the FR3).
        """
        braking = 2.0 * self.deceleration
        up = np.sqrt(np.maximum(braking * (self.upper - positions), 0.0)) - self.velocity_offset
        down = np.sqrt(np.maximum(braking * (positions - self.lower), 0.0)) - self.velocity_offset
        return -np.minimum(self.speed, np.maximum(down, 0.0)), np.minimum(self.speed, np.maximum(up, 0.0))


def joint_limits(table: ArmTable) -> JointLimits:
    """Returns the table's limits as arrays."""
    names = [field.name for field in fields(JointLimits)]  # The same as in the table.
    return JointLimits(**{name: np.array([getattr(joint, name) for joint in table.joints]) for name in names})


def check_torque(commanded: FloatArray, applied: FloatArray, limits: JointLimits) -> Fault | None:
    """Checks a commanded torque against the last applied one. Shapes (7,), Nm."""
    steps = np.abs(commanded - applied)
    if np.count_nonzero(steps <= TORQUE_STEP + TORQUE_STEP_TOLERANCE) < 7:  # So that NaN counts as a violation.
        return Fault.CONTROLLER_TORQUE_DISCONTINUITY
    if np.count_nonzero(np.abs(commanded) > limits.torque):
        return Fault.TAU_J_RANGE_VIOLATION
    return None


def check_joints(positions: FloatArray, velocities: FloatArray, limits: JointLimits) -> Fault | None:
    """Checks measured joints. Shapes (7,), rad and rad/s."""
    if np.count_nonzero((positions > limits.upper) | (positions < limits.lower)):
        return Fault.JOINT_POSITION_LIMITS_VIOLATION
    lowest, highest = limits.velocity_range(positions)
    margin = SPEED_TOLERANCE * limits.speed
    if np.count_nonzero((velocities > highest + margin) | (velocities < lowest - margin)):
        return Fault.JOINT_VELOCITY_VIOLATION
    return None


def check_contact(torques: FloatArray, wrench: FloatArray, thresholds: Thresholds) -> Fault | None:
    """Checks external joint torques (7,) and wrench in the stiffness frame (6,) against the upper thresholds."""
    if np.count_nonzero(np.abs(torques) > thresholds.upper_torque):
        return Fault.JOINT_REFLEX
    if np.count_nonzero(np.abs(wrench) > thresholds.upper_force):
        return Fault.CARTESIAN_REFLEX
    return None


def check_losses(missed_in_a_row: int, limit: int = LOST_PACKET_LIMIT) -> Fault | None:
    """Checks the number of commands that did not come in time."""
    return Fault.COMMUNICATION_CONSTRAINTS_VIOLATION if missed_in_a_row >= limit else None
