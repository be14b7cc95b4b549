"""Estimates external joint torques and wrench, low-passed, as the arm does.

Signs are libfranka's: forces that the robot exerts on its surroundings are positive. A table that carries the tool
therefore shows up as a *negative* force along z.
"""

import math

import mujoco
import numpy as np

from serl_api.values import FloatArray
from simulator.virtual.fci.controller.plant import PERIOD_S, Plant
from simulator.virtual.fci.controller.settings import Settings
from simulator.virtual.imperfections import Imperfections

CUTOFF_HZ = 30.0
"""Of the low-pass on external torques. The real one is not published."""

_SHARE = 1.0 - math.exp(-2.0 * math.pi * CUTOFF_HZ * PERIOD_S)
_REGULARIZATION = 1e-6  # Keeps the wrench finite at singular postures.


class ExternalForces:
    """Estimates the external forces on one arm, once a cycle."""

    def __init__(self) -> None:
        self.joint_torques: FloatArray = np.zeros(7)
        """tau_ext_hat_filtered, Nm."""
        self.base_wrench: FloatArray = np.zeros(6)
        """O_F_ext_hat_K, N and Nm: at the origin of the stiffness frame, in base axes."""
        self.tool_wrench: FloatArray = np.zeros(6)
        """K_F_ext_hat_K, the same in the axes of the stiffness frame."""
        self._gram = np.zeros((6, 6))
        self._bias = np.zeros(6)
        self._noise = 0.0
        self._is_spoiled = False
        self._rng = np.random.default_rng(0)

    def spoil(self, imperfections: Imperfections, rng: np.random.Generator) -> None:
        """Lets the estimate be wrong by a constant force in a random direction, and by noise of the torque sensors."""
        direction = rng.normal(size=3)
        self._bias[:3] = imperfections.wrench_bias_n * direction / np.linalg.norm(direction)
        self._noise = imperfections.torque_noise_nm
        self._is_spoiled = self._noise > 0.0 or imperfections.wrench_bias_n > 0.0
        self._rng = rng

    def update(self, plant: Plant, settings: Settings) -> None:
        """Takes in the last cycle: what pushed, less the weight of the load that was said to be there."""
        torques, flange, frame = self.joint_torques, plant.flange, settings.flange_to_stiffness
        jacobian = flange.jacobian(frame[:3, 3])
        torques -= _SHARE * (plant.external_torque() + plant.load_torque + torques)
        if self._is_spoiled:
            torques -= _SHARE * (jacobian.T @ self._bias + self._noise * self._rng.normal(size=7))
        # The least-squares solution of J^T F = tau, by Cholesky factors of J J^T.
        np.matmul(jacobian, jacobian.T, out=self._gram)
        self._gram.flat[::7] += _REGULARIZATION
        mujoco.mju_cholFactor(self._gram, 0.0)
        mujoco.mju_cholSolve(self.base_wrench, self._gram, jacobian @ torques)
        axes = flange.rotation @ frame[:3, :3]
        np.matmul(self.base_wrench.reshape(2, 3), axes, out=self.tool_wrench.reshape(2, 3))
