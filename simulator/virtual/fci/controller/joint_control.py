"""Implements the control box's own joint controller: holds, brakes, and follows motion generators."""

import numpy as np

from serl_api.values import FloatArray
from simulator.virtual.fci.controller.plant import PERIOD_S, Plant
from simulator.virtual.fci.controller.reflexes import JointLimits

_DAMPING_RATIO = 0.9
_END_MARGIN = 0.01  # rad inside the limits that a recovered arm goes back to.
_RETURN_STEP = 0.2 * PERIOD_S  # rad in a cycle, on that way.


class Reference:
    """Holds where the joints should be now: rad, rad/s, rad/s^2, shapes (7,).

    Args:
        positions: To begin with, at rest.
        limits: For braking and for coming back from beyond a limit.
    """

    def __init__(self, positions: FloatArray, limits: JointLimits) -> None:
        self.positions: FloatArray = positions.copy()
        self.velocities: FloatArray = np.zeros(7)
        self.accelerations: FloatArray = np.zeros(7)
        self._limits = limits
        self._lowest = limits.lower + _END_MARGIN
        self._highest = limits.upper - _END_MARGIN

    @property
    def is_at_rest(self) -> bool:
        """Returns whether all velocities are zero."""
        return not np.count_nonzero(self.velocities)

    def measure(self, plant: Plant) -> None:
        """Follows the measured joints, as while a client commands torques."""
        self.positions[:] = plant.positions
        self.velocities[:] = plant.velocities
        self.accelerations[:] = 0.0

    def move_to(self, positions: FloatArray, velocities: FloatArray) -> None:
        """Goes to positions with velocities."""
        self.accelerations[:] = (velocities - self.velocities) / PERIOD_S
        self.velocities[:] = velocities
        self.positions[:] = positions

    def extrapolate(self) -> None:
        """Goes on with constant velocity for one cycle: a command was lost."""
        self.accelerations[:] = 0.0
        self.positions += self.velocities * PERIOD_S

    def brake(self) -> None:
        """Slows down by the limits of acceleration and stands; from beyond a position limit it creeps back."""
        if self.is_at_rest:
            self.accelerations[:] = 0.0
            inside = np.minimum(np.maximum(self.positions, self._lowest), self._highest)
            self.positions += np.minimum(np.maximum(inside - self.positions, -_RETURN_STEP), _RETURN_STEP)
            return
        most = self._limits.acceleration * PERIOD_S
        change = np.minimum(np.maximum(-self.velocities, -most), most)
        self.accelerations[:] = change / PERIOD_S
        self.positions += (self.velocities + 0.5 * change) * PERIOD_S
        self.velocities += change


def following_torque(reference: Reference, plant: Plant, stiffness: FloatArray) -> FloatArray:
    """Computes spring and damper about the reference, with its inertia and the Coriolis terms fed forward.

    Returns:
        Shape (7,), Nm, on top of gravity compensation.
    """
    mass = plant.mass_matrix()
    damping = 2.0 * _DAMPING_RATIO * np.sqrt(stiffness * mass.diagonal())
    error = reference.positions - plant.positions
    error_rate = reference.velocities - plant.velocities
    return stiffness * error + damping * error_rate + mass @ reference.accelerations + plant.coriolis()
