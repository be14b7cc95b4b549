from dataclasses import replace

import mujoco
import numpy as np
import pytest

from robot_daemon.control.limits import Limits
from serl_api.enums import FaultSeverity
from serl_api.values import JointTarget, Load, Pose
from simulator.devices.arm import JOINT_LIMIT_FAULT, REFLEX_FAULT, external_wrench
from simulator.devices.cell import LIMITS
from simulator.devices.injection import Condition
from simulator.physics.impedance import COMPLIANCE

DOWN = np.array([1.0, 0.0, 0.0, 0.0])


def test_the_jacobian_is_the_derivative_of_the_tcp(cell, run_for, go_to):
    go_to([0.45, 0.1, 0.3], steps=5)
    physics = cell.scene.physics
    state = cell.arm.read_state()
    scratch = mujoco.MjData(physics.model)
    site = physics.model.site("tcp").id
    for joint in range(7):
        ends = []
        for sign in (-1.0, 1.0):
            scratch.qpos[:] = physics.data.qpos
            scratch.qpos[joint] += sign * 1e-6
            mujoco.mj_kinematics(physics.model, scratch)
            ends.append(scratch.site_xpos[site].copy())
        np.testing.assert_allclose((ends[1] - ends[0]) / 2e-6, state.jacobian[:3, joint], atol=1e-6)


def test_the_twist_is_the_jacobian_times_the_joint_velocities(cell, run_for):
    start = cell.arm.read_state()
    cell.arm.set_target(Pose(start.tcp_pose.position + np.array((0.0, 0.0, 0.05)), start.tcp_pose.quaternion_xyzw))
    run_for(0.05)
    before = cell.arm.read_state()
    run_for(0.002)
    after = cell.arm.read_state()
    finite = (after.tcp_pose.position - before.tcp_pose.position) / 0.002
    np.testing.assert_allclose(after.tcp_twist[:3], finite, atol=0.01)


def test_joint_torques_at_rest_carry_gravity(cell, run_for):
    run_for(0.5)
    physics = cell.scene.physics
    np.testing.assert_allclose(cell.arm.read_state().joint_torques, physics.data.qfrc_bias[:7], atol=0.05)


def test_the_external_wrench_explains_the_torques_it_was_made_from():
    rng = np.random.default_rng(3)
    jacobian, wrench = rng.normal(size=(6, 7)), rng.normal(size=6)
    np.testing.assert_allclose(external_wrench(jacobian, jacobian.T @ wrench), wrench, rtol=1e-5)


def test_without_contact_there_is_no_external_wrench(cell, run_for):
    run_for(0.1)
    np.testing.assert_array_equal(cell.arm.read_state().external_wrench, 0.0)


def test_a_load_is_lifted_by_gravity_compensation(cell, run_for):
    before = cell.arm.read_state().tcp_pose.position
    cell.arm.set_load(Load(mass=0.5, center_of_mass=(0.0, 0.0, 0.1), inertia=(0.0,) * 9))
    run_for(2.0)
    state = cell.arm.read_state()
    assert state.tcp_pose.position[2] - before[2] == pytest.approx(0.5 * 9.81 / 2000.0, rel=0.1)
    assert state.external_wrench[2] == pytest.approx(0.5 * 9.81, rel=0.01)


def test_states_are_never_written_to_again(cell, run_for, go_to):
    before = cell.arm.read_state()
    kept = before.joint_positions.copy(), before.jacobian.copy(), before.tcp_pose.position.copy()
    go_to([0.5, 0.0, 0.3], steps=3)
    np.testing.assert_array_equal(before.joint_positions, kept[0])
    np.testing.assert_array_equal(before.jacobian, kept[1])
    np.testing.assert_array_equal(before.tcp_pose.position, kept[2])


def test_after_a_reflex_the_arm_holds_and_ignores_targets_until_recovery(cell, run_for):
    start = cell.arm.read_state()
    cell.arm.stop_by_reflex("a test")
    (fault,) = cell.arm.faults()
    assert (fault.id, fault.severity) == (REFLEX_FAULT, FaultSeverity.CRITICAL)
    goal = Pose(start.tcp_pose.position + np.array((0.0, 0.0, 0.05)), start.tcp_pose.quaternion_xyzw)
    cell.arm.set_target(goal)
    run_for(1.0)
    np.testing.assert_allclose(cell.arm.read_state().tcp_pose.position, start.tcp_pose.position, atol=1e-3)
    cell.arm.recover((REFLEX_FAULT,))
    assert cell.arm.faults() == ()
    cell.arm.set_target(goal)
    run_for(1.5)
    np.testing.assert_allclose(cell.arm.read_state().tcp_pose.position, goal.position, atol=1e-3)


def test_a_reflex_whose_cause_lasts_cannot_be_recovered(cell, run_for):
    cell.scene.injections.inject(Condition.CONTACT_REFLEX, duration_ns=100_000_000)
    cell.arm.stop_by_reflex("a test")
    cell.arm.recover((REFLEX_FAULT,))
    assert cell.arm.faults()
    run_for(0.2)
    cell.arm.recover((REFLEX_FAULT,))
    assert not cell.arm.faults()


def test_a_joint_at_its_limit_warns_and_the_warning_goes_by_itself(cell, run_for):
    info = cell.arm.info
    goal = info.home.copy()
    goal[6] = info.joint_upper[6] + 0.2
    cell.arm.set_target(JointTarget(positions=goal))
    run_for(3.0)
    state = cell.arm.read_state()
    assert state.joint_positions[6] < info.joint_upper[6] + 0.05
    assert [(fault.id, fault.severity) for fault in cell.arm.faults()] == [(JOINT_LIMIT_FAULT, FaultSeverity.WARNING)]
    cell.arm.set_target(JointTarget(positions=info.home))
    run_for(3.0)
    cell.arm.read_state()
    assert cell.arm.faults() == ()


def test_a_guided_arm_ignores_targets_and_is_held_where_it_is_let_go(cell, run_for):
    start = cell.arm.read_state()
    away = Pose(start.tcp_pose.position + np.array((0.0, 0.05, 0.0)), start.tcp_pose.quaternion_xyzw)
    injections = cell.scene.injections
    injections.inject(Condition.HAND_GUIDING)
    (guiding,) = cell.arm.faults()
    assert (guiding.id, guiding.severity, guiding.by_hand) == ("guiding", FaultSeverity.WARNING, True)
    cell.arm.set_target(away)
    run_for(0.5)
    np.testing.assert_allclose(cell.arm.read_state().tcp_pose.position, start.tcp_pose.position, atol=5e-3)
    cell.scene.physics.data.qfrc_applied[0] = 10.0  # The hand.
    run_for(0.3)
    cell.scene.physics.data.qfrc_applied[0] = 0.0
    injections.clear()
    left = cell.arm.read_state()
    assert np.linalg.norm(left.tcp_pose.position - start.tcp_pose.position) > 0.05
    run_for(1.0)
    assert cell.arm.faults() == ()
    np.testing.assert_allclose(cell.arm.read_state().tcp_pose.position, left.tcp_pose.position, atol=0.05)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("speed", [0.1, 0.25, 0.5])
def test_an_arm_that_is_held_on_its_way_brakes_and_does_not_swing_back(cell, run_for, go_to, axis, speed):
    ahead = speed * 89.0 / 2000.0 * np.eye(3)[axis]  # What the damper takes at that speed.
    go_to(np.array((0.45, 0.0, 0.3)) - 0.1 * np.eye(3)[axis])
    for _ in range(25):
        cell.arm.set_target(Pose(cell.arm.read_state().tcp_pose.position + ahead, DOWN))
        run_for(0.01)
    start = cell.arm.read_state()
    assert start.tcp_twist[axis] > 0.5 * speed
    cell.arm.hold()
    cell.arm.set_compliance(COMPLIANCE)  # As the next session does at once.
    ways, speeds = [], []
    for _ in range(100):
        run_for(0.01)
        state = cell.arm.read_state()
        ways.append((state.tcp_pose.position - start.tcp_pose.position)[axis])
        speeds.append(np.linalg.norm(state.tcp_twist[:3]))
    assert max(ways) - ways[-1] < 0.001
    assert np.flatnonzero(np.array(speeds) > 0.005)[-1] < 28
    after = cell.arm.read_state().tcp_pose.position
    run_for(1.0)
    np.testing.assert_allclose(cell.arm.read_state().tcp_pose.position, after, atol=1e-3)


def test_a_target_takes_a_braking_arm_along_with_the_dampers_of_before(cell, run_for, go_to):
    go_to([0.45, 0.0, 0.3])
    cell.arm.set_target(Pose(np.array((0.45, 0.08, 0.3)), DOWN))
    run_for(0.1)
    cell.arm.hold()
    run_for(0.02)
    cell.arm.set_target(Pose(np.array((0.45, 0.08, 0.3)), DOWN))
    run_for(0.3)
    assert cell.arm.read_state().tcp_pose.position[1] == pytest.approx(0.08, abs=0.008)


def test_interpolated_targets_make_a_steady_speed_without_lag(cell, run_for):
    bounds = Limits(replace(LIMITS, interpolates_targets=True), cell.arm.info, None).motion_bounds
    cell.arm.set_bounds(bounds)
    start, speeds = cell.arm.read_state().tcp_pose, []
    for index in range(20):
        cell.arm.set_pace(0.1)
        cell.arm.set_target(Pose(start.position + np.array((0.0, 0.01 * (index + 1), 0.0)), start.quaternion_xyzw))
        for _ in range(10):
            run_for(0.01)
            speeds.append(cell.arm.read_state().tcp_twist[1])
    steady = np.array(speeds[80:])
    assert steady == pytest.approx(0.1, rel=0.05)  # As they come: 0.06 to 0.13.
    assert cell.arm.read_state().tcp_pose.position[1] == pytest.approx(start.position[1] + 0.2, abs=0.003)
