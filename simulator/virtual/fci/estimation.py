"""What the arm believes pushes on it: joint torques and wrench, low-passed, and the flags of contact and collision.

Signs are libfranka's: forces that the robot exerts on its surroundings are positive. A table that carries the tool
therefore shows up as a *negative* force along z.
"""

import math

import numpy as np

from robot_daemon.devices import FloatArray
from simulator.virtual.fci.plant import PERIOD_S, Plant
from simulator.virtual.fci.settings import Settings, Thresholds

CUTOFF_HZ = 30.0
"""Of the low-pass on external torques. The real one is not published."""

_SHARE = 1.0 - math.exp(-2.0 * math.pi * CUTOFF_HZ * PERIOD_S)
_REGULARIZATION = 1e-6 * np.eye(6)  # Keeps the wrench finite at singular postures.


class ExternalForces:
    """Estimates of one arm, refreshed once a cycle."""

    def __init__(self) -> None:
        self.joint_torques: FloatArray = np.zeros(7)
        """tau_ext_hat_filtered, Nm."""
        self.base_wrench: FloatArray = np.zeros(6)
        """O_F_ext_hat_K, N and Nm: at the origin of the stiffness frame, in base axes."""
        self.tool_wrench: FloatArray = np.zeros(6)
        """K_F_ext_hat_K, the same in the axes of the stiffness frame."""

    def update(self, plant: Plant, settings: Settings) -> None:
        """Takes in the last cycle: what pushed, less the weight of the load that was said to be there."""
        external = plant.external_torque() + plant.load_torque
        torques = self.joint_torques
        torques += _SHARE * (-external - torques)
        frame = settings.flange_to_tool @ settings.tool_to_stiffness
        jacobian = plant.jacobian(frame[:3, 3])
        self.base_wrench = np.linalg.solve(jacobian @ jacobian.T + _REGULARIZATION, jacobian @ torques)
        axes = plant.flange_rotation @ frame[:3, :3]
        self.tool_wrench[:3] = self.base_wrench[:3] @ axes
        self.tool_wrench[3:] = self.base_wrench[3:] @ axes

    def levels(self, thresholds: Thresholds) -> "tuple[FloatArray, FloatArray, FloatArray, FloatArray]":
        """Flags as 0 or 1: contact of joints (7,), of axes (6,), collision of joints (7,), of axes (6,)."""
        torques, wrench = np.abs(self.joint_torques), np.abs(self.tool_wrench)
        return (
            torques > thresholds.lower_torque,
            wrench > thresholds.lower_force,
            torques > thresholds.upper_torque,
            wrench > thresholds.upper_force,
        )
