"""Computes the flange's pose in a MuJoCo model, and Jacobians of points that are fixed to it."""

import mujoco
import numpy as np

from serl_api.values import FloatArray
from simulator.model.arm_model import add_arm
from simulator.model.arm_table import ArmTable
from simulator.scene.surroundings import add_surroundings


class FlangeFrame:
    """Reads the flange from a model's data, which the caller keeps up to date; the arm's joints come first."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        self._model, self._data = model, data
        self._body = model.body("flange").id
        self.position: FloatArray = data.xpos[self._body]
        """In base, m. A view."""
        self.rotation: FloatArray = data.xmat[self._body].reshape(3, 3)
        """In base. A view, shape (3, 3)."""
        self._whole = np.zeros((6, model.nv))
        self._linear, self._angular = self._whole[:3], self._whole[3:]
        self._arm = self._whole[:, :7]
        self._jacobian = np.zeros((6, 7))

    def jacobian(self, offset: FloatArray) -> FloatArray:
        """Computes the geometric Jacobian in base axes of a point that is fixed to the flange.

        Args:
            offset: The point in the flange's frame, m. Shape (3,).

        Returns:
            Shape (6, 7), overwritten by the next call.
        """
        point = self.position + self.rotation @ offset
        mujoco.mj_jac(self._model, self._data, self._linear, self._angular, point, self._body)
        self._jacobian[:] = self._arm
        return self._jacobian

    def tool_pose(self, flange_to_tool: FloatArray) -> FloatArray:
        """Computes the pose in base of a frame that is fixed to the flange. Shapes (4, 4)."""
        pose = np.empty((4, 4))
        pose[:3] = self.rotation @ flange_to_tool[:3]
        pose[:3, 3] += self.position
        pose[3] = (0.0, 0.0, 0.0, 1.0)
        return pose


class DesiredArm:
    """Computes the arm's kinematics at the desired positions, not at the measured ones."""

    def __init__(self, table: ArmTable) -> None:
        self._model = bare_arm(table)
        self._data = mujoco.MjData(self._model)
        self.flange = FlangeFrame(self._model, self._data)
        """At the positions of the last `update`."""

    def update(self, positions: FloatArray) -> None:
        """Moves to joint positions. Shape (7,), rad."""
        self._data.qpos[:] = positions
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)


def bare_arm(table: ArmTable) -> mujoco.MjModel:
    """Builds a model of the arm over its table, without a gripper."""
    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    add_surroundings(spec)
    add_arm(spec, table)
    for joint in spec.joints:
        joint.actgravcomp = False  # A model without actuators skips what would go through them.
    return spec.compile()
