import mujoco
import numpy as np
import pytest

from serl_api.errors.robot import NotEquippedError, NotFoundError
from serl_api.values import GripperTarget
from simulator.model.arm_table import FR3, PANDA
from simulator.physics.kinematics import solve_pose
from simulator.virtual.fci.controller.estimation import ExternalForces
from simulator.virtual.fci.controller.plant import Plant
from simulator.virtual.fci.controller.settings import initial_settings

NO_TORQUE = np.zeros(7)


def settle(plant, steps=300):
    forces, settings = ExternalForces(), initial_settings(plant)
    home = plant.positions.copy()
    for _ in range(steps):
        plant.step(800.0 * (home - plant.positions) - 40.0 * plant.velocities)
        forces.update(plant, settings)
    return forces


@pytest.mark.parametrize("table", [PANDA, FR3], ids=lambda table: table.name)
@pytest.mark.parametrize("task", ["none", "pick-cube"])
def test_gravity_is_compensated_with_and_without_a_gripper(table, task):
    plant = Plant(table, task)
    for _ in range(500):
        plant.step(NO_TORQUE)
    np.testing.assert_allclose(plant.positions, table.home, atol=1e-6)


@pytest.mark.parametrize("task", ["none", "pick-cube"])
def test_a_torque_accelerates_by_the_mass_matrix(task):
    plant = Plant(FR3, task)
    torque = np.array([1.0, 2.0, 0.5, -1.0, 0.2, 0.1, 0.05])
    expected = np.linalg.solve(plant.mass_matrix(), torque) * 1e-3
    plant.step(torque)
    np.testing.assert_allclose(plant.velocities, expected, rtol=0.03, atol=1e-5)


def test_a_push_is_estimated_with_libfrankas_sign():
    plant = Plant(FR3, "pick-cube")
    plant.push((4.0, -5.0, -10.0), (0.5, 0.0, -0.3))
    forces = settle(plant)
    np.testing.assert_allclose(forces.base_wrench, [-4.0, 5.0, 10.0, -0.5, 0.0, 0.3], atol=0.02)
    # The tool points down, as far as the push lets it: its z axis is the base's reversed, its x axis the base's.
    np.testing.assert_allclose(forces.tool_wrench, [-4.0, -5.0, -10.0, -0.5, 0.0, -0.3], atol=0.3)


def test_an_estimate_of_nothing_is_zero_while_the_arm_swings():
    plant = Plant(FR3)
    forces, settings = ExternalForces(), initial_settings(plant)
    for _ in range(200):
        plant.step(np.array([3.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0]))
        forces.update(plant, settings)
    assert np.abs(plant.velocities).max() > 0.1
    np.testing.assert_allclose(forces.joint_torques, 0.0, atol=1e-9)


def test_the_table_pushes_the_fingers_up():
    plant = Plant(PANDA, "pick-cube")
    low = solve_pose(plant.model, PANDA, np.array((0.5, 0.2, 0.02)), np.array((1.0, 0.0, 0.0, 0.0)), plant.positions)
    plant.place(low)
    forces, settings = ExternalForces(), initial_settings(plant)
    for _ in range(1000):  # Down with 8 N, slowed by a damper.
        jacobian = plant.flange.jacobian(np.array((0.0, 0.0, 0.15)))
        wrench = np.array([0.0, 0.0, -8.0, 0.0, 0.0, 0.0]) - np.array([80.0] * 3 + [8.0] * 3) * (
            jacobian @ plant.velocities
        )
        plant.step(jacobian.T @ wrench - 2.0 * plant.velocities)
        forces.update(plant, settings)
    assert forces.base_wrench[2] == pytest.approx(-8.0, abs=1.0)


def test_a_load_that_is_not_there_lifts_the_arm_and_shows_as_a_force():
    plant = Plant(FR3, "pick-cube")
    settings = initial_settings(plant)
    plant.carry_load(0.5, np.array((0.0, 0.0, 0.15)))
    plant.step(NO_TORQUE)
    lifted = plant.flange.jacobian(np.zeros(3))[2] @ plant.velocities
    assert lifted > 0.0
    forces = ExternalForces()
    plant.place(np.array(FR3.home))
    home = plant.positions.copy()
    for _ in range(500):
        plant.step(800.0 * (home - plant.positions) - 40.0 * plant.velocities)
        forces.update(plant, settings)
    assert forces.base_wrench[2] == pytest.approx(-0.5 * 9.81, abs=0.05)


def test_what_is_mounted_is_the_gripper():
    mounted = Plant(PANDA, "pick-cube").mounted
    assert mounted.mass == pytest.approx(0.9)
    assert 0.03 < mounted.center[2] < 0.1
    assert np.linalg.eigvalsh(mounted.inertia).min() > 0.0
    assert Plant(PANDA).mounted.mass == 0.0


def test_a_new_scene_moves_the_cube_and_not_the_arm():
    plant = Plant(PANDA, "pick-cube", seed=1)
    plant.place(np.array(PANDA.home) + 0.1)
    before = plant.tracked_objects()[0].pose.position
    plant.reset_scene(2)
    after = plant.tracked_objects()[0].pose.position
    plant.reset_scene(1)
    assert np.linalg.norm(after - before) > 0.01
    np.testing.assert_allclose(plant.tracked_objects()[0].pose.position[:2], before[:2], atol=1e-9)
    np.testing.assert_allclose(plant.positions, np.array(PANDA.home) + 0.1)


def test_the_gripper_closes_on_the_cube():
    plant = Plant(PANDA, "pick-cube")
    model, data = plant.model, plant.data
    start = int(model.jnt_qposadr[model.joint("cube").id])
    site = model.site("tcp").id
    quat = np.zeros(4)
    mujoco.mju_mat2Quat(quat, data.site_xmat[site])
    data.qpos[start : start + 7] = (*data.site_xpos[site], *quat)
    plant.set_gripper(GripperTarget(width=0.0, speed=0.1, force=60.0))
    home = plant.positions.copy()
    for step in range(1000):
        if step < 600:  # Held up until the fingers are there.
            data.qpos[start : start + 7] = (*data.site_xpos[site], *quat)
            data.qvel[int(model.jnt_dofadr[model.joint("cube").id]) :][:6] = 0.0
        plant.step(800.0 * (home - plant.positions) - 40.0 * plant.velocities)
    state = plant.gripper()
    assert state.width == pytest.approx(0.04, abs=0.003)
    assert state.motion.name == "OBJECT_HELD"
    assert plant.tracked_objects()[0].pose.position[2] == pytest.approx(float(data.site_xpos[site][2]), abs=0.01)


def test_a_bare_arm_has_no_gripper_and_an_unknown_task_is_named():
    with pytest.raises(NotEquippedError, match="--task pick-cube"):
        Plant(PANDA).gripper()
    with pytest.raises(NotFoundError, match=r"fly.*none"):
        Plant(PANDA, "fly")
