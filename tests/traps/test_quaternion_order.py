"""Quaternions are xyzw everywhere but inside MuJoCo: measured, commanded and tracked, seen from the client.

The tool is turned away from any symmetric pose first, so that wxyz, or the inverse rotation, would be another one.
"""

import contextlib

import gymnasium
import mujoco
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from serl_api.enums import Pacing
from serl_api.values import Pose
from serl_client import SimulatorClient

pytestmark = pytest.mark.trap

TURN = np.array((0.12, -0.2, 0.35))  # A rotation vector, rad, in base axes.


def test_a_commanded_rotation_is_the_measured_one(simulator_address):
    with contextlib.closing(gymnasium.make("serl/PickCube-v0", address=simulator_address, rotation=True)) as env:
        observation, _ = env.reset(seed=0)
        scale = env.unwrapped.task.rotation_scale
        down = Rotation.from_quat(observation["tcp_pose"][3:])
        np.testing.assert_allclose(down.as_matrix()[:, 2], (0, 0, -1), atol=0.02)  # The tool points at the table,
        assert abs(observation["tcp_pose"][3]) > 0.99  # half a turn about x, which comes first in xyzw.
        for _ in range(3):
            env.step(np.array((0, 0, 0, *(TURN / 3 / scale), 1), np.float32))
        for _ in range(8):
            observation, *_ = env.step(np.array((0, 0, 0, 0, 0, 0, 1), np.float32))
        turned = Rotation.from_quat(observation["tcp_pose"][3:]) * down.inv()  # In base axes.
        # Increments are added to the measured pose, which lags; the axis is what another order would change.
        axis = turned.as_rotvec() / turned.magnitude()
        np.testing.assert_allclose(axis, TURN / np.linalg.norm(TURN), atol=0.15)
        assert 0.2 < turned.magnitude() / np.linalg.norm(TURN) < 1.1


def test_what_the_simulator_reports_is_mujocos_rotation_reordered():
    from simulator.devices.cell import build_cell

    cell = build_cell("pick-cube", Pacing.LOCKSTEP, 0)
    physics = cell.scene.physics
    start = cell.arm.read_state()
    goal = (Rotation.from_rotvec(TURN) * Rotation.from_quat(start.tcp_pose.quaternion_xyzw)).as_quat()
    cell.arm.set_target(Pose(start.tcp_pose.position, goal))
    cell.timebase.wait_until(cell.timebase.now_ns() + 1_500_000_000)
    state = cell.arm.read_state()
    # The matrix has no order of components.
    matrix = physics.data.site_xmat[physics.model.site("tcp").id].reshape(3, 3)
    np.testing.assert_allclose(Rotation.from_quat(state.tcp_pose.quaternion_xyzw).as_matrix(), matrix, atol=1e-9)
    assert np.linalg.norm((Rotation.from_quat(goal) * Rotation.from_matrix(matrix).inv()).as_rotvec()) < 0.1
    cube = physics.model.joint("cube").qposadr[0]
    physics.data.qpos[cube + 3 : cube + 7] = Rotation.from_rotvec(TURN).as_quat()[[3, 0, 1, 2]]
    mujoco.mj_kinematics(physics.model, physics.data)
    (tracked,) = (pose for pose in cell.scene.tracked_objects() if pose.name == "cube")
    np.testing.assert_allclose(Rotation.from_quat(tracked.pose.quaternion_xyzw).as_rotvec(), TURN, atol=1e-9)
    cell.close()


def test_poses_of_objects_reach_the_client_in_xyzw(simulator_address):
    # A cube that lies on the table is turned about the vertical alone: x and y vanish, whatever z and w are.
    with SimulatorClient(simulator_address) as simulator:
        quaternion = simulator.get_ground_truth().objects["cube"].pose.quaternion_xyzw
    assert np.abs(quaternion[:2]).max() < 0.01
    assert np.linalg.norm(quaternion) == pytest.approx(1.0)
