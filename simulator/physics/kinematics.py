"""Solves the inverse kinematics that places the arm at a start."""

import mujoco
import numpy as np

from serl_api.values import FloatArray
from simulator.model.arm_table import ArmTable
from simulator.model.mount import ALONE, Mount
from simulator.model.quaternion import to_wxyz, to_xyzw

POSITION_TOLERANCE = 1e-6
"""m."""
ROTATION_TOLERANCE = 1e-6
"""rad."""
_ITERATIONS = 200
_DAMPING = 1e-6
_LONGEST_STEP = 0.3  # rad in any joint.


def solve_pose(
    model: mujoco.MjModel,
    table: ArmTable,
    position: FloatArray,
    quat_xyzw: FloatArray,
    seed: FloatArray,
    mount: Mount = ALONE,
) -> FloatArray | None:
    """Finds joint positions by damped least squares (Wampler 1986), clipped to the joint limits at every step.

    The result depends on the arguments alone.

    Args:
        model: Scene with the arm.
        table: Facts of the arm.
        position: TCP in base. Shape (3,), m.
        quat_xyzw: TCP in base. Shape (4,).
        seed: Where to start. Shape (7,), rad.
        mount: Which arm of the scene.

    Returns:
        Shape (7,), rad; None when the pose cannot be reached within the limits.
    """
    data = mujoco.MjData(model)
    site = model.site(mount.name("tcp")).id
    at, dofs = mount.positions(model), mount.velocities(model)
    lower = np.array([joint.lower for joint in table.joints])
    upper = np.array([joint.upper for joint in table.joints])
    goal = to_wxyz(quat_xyzw)
    jacobian = np.zeros((6, model.nv))
    joints = seed.copy()
    for _ in range(_ITERATIONS):
        data.qpos[at] = joints
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        error = _pose_error(data, site, mount, position, goal)
        if np.abs(error[:3]).max() < POSITION_TOLERANCE and np.abs(error[3:]).max() < ROTATION_TOLERANCE:
            return joints
        mujoco.mj_jacSite(model, data, jacobian[:3], jacobian[3:], site)
        arm = mount.vectors(jacobian[:, dofs])
        step = arm.T @ np.linalg.solve(arm @ arm.T + _DAMPING * np.eye(6), error)
        step *= min(1.0, _LONGEST_STEP / max(float(np.abs(step).max()), 1e-12))
        joints = np.clip(joints + step, lower, upper)
    return None


def _pose_error(
    data: mujoco.MjData, site: int, mount: Mount, position: FloatArray, goal_wxyz: FloatArray
) -> FloatArray:
    """Computes goal minus present pose in base axes: m, then rotation vector in rad. Shape (6,)."""
    present, inverse, difference, rotvec = np.zeros(4), np.zeros(4), np.zeros(4), np.zeros(3)
    mujoco.mju_mat2Quat(present, data.site_xmat[site])
    present = to_wxyz(mount.orientation(to_xyzw(present)))
    mujoco.mju_negQuat(inverse, present)
    mujoco.mju_mulQuat(difference, goal_wxyz, inverse)
    mujoco.mju_quat2Vel(rotvec, difference, 1.0)
    return np.concatenate([position - mount.point(data.site_xpos[site]), rotvec])
