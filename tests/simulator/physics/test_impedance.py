from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from robot_daemon.config.cell_config import LimitsConfig
from robot_daemon.control.limits import Limits
from robot_daemon.hardware.devices import MotionBounds
from serl_api.serl_gains import compliance_from_serl
from serl_api.values import FullCompliance, JointTarget, Pose, WrenchTarget
from simulator.devices.injection import Condition, Latency
from simulator.model.arm_table import PANDA
from simulator.physics.impedance import COMPLIANCE, null_vector
from tests.support.serl_parameters import RAM_INSERTION

DOWN = np.array([1.0, 0.0, 0.0, 0.0])
READY = np.array([0.0, -np.pi / 4, 0.0, -3 * np.pi / 4, 0.0, np.pi / 2, np.pi / 4])


@given(seed=st.integers(0, 10_000))
def test_the_null_vector_is_a_unit_vector_that_the_jacobian_maps_to_zero(seed):
    jacobian = np.random.default_rng(seed).normal(size=(6, 7))
    direction, _ = null_vector(jacobian)
    assert np.linalg.norm(direction) == pytest.approx(1.0)
    np.testing.assert_allclose(jacobian @ direction, 0.0, atol=1e-8)


def test_there_is_no_null_vector_where_the_jacobian_loses_rank():
    jacobian = np.zeros((6, 7))
    jacobian[:4, :4] = np.eye(4)
    np.testing.assert_array_equal(null_vector(jacobian)[0], 0.0)


@pytest.mark.parametrize("clip", [0.005, 0.02])
def test_pressing_on_the_table_does_not_exceed_stiffness_times_clip(cell, run_for, go_to, park_cube, clip):
    park_cube()
    go_to([0.4, 0.0, 0.05])
    cell.arm.set_compliance(FullCompliance(translational_clip_negative=(clip, clip, clip)))
    cell.arm.set_target(Pose(np.array([0.4, 0.0, -0.08]), DOWN))
    run_for(3.0)
    force = cell.arm.read_state().external_wrench[2]
    assert force == pytest.approx(2000.0 * clip, rel=0.05)
    assert force <= 2000.0 * clip * 1.02


@pytest.mark.parametrize(
    ("direction", "clip"), [((1, 0, 0), "translational_clip_neg_x"), ((-1, 0, 0), "translational_clip_x")]
)
def test_the_asymmetric_clips_of_serl_bound_the_pull_on_the_right_side(cell, run_for, go_to, direction, clip):
    start = go_to([0.45, 0.0, 0.3]).tcp_pose
    asked = {name: value for name, value in vars(compliance_from_serl(RAM_INSERTION)).items() if value is not None}
    cell.arm.set_compliance(FullCompliance(**asked))
    cell.arm.set_target(Pose(start.position + 0.1 * np.array(direction), start.quaternion_xyzw))
    run_for(0.3)
    speed = cell.arm.read_state().tcp_twist[:3] @ direction
    # In free space the damper takes what the spring gives, but for the joints' own friction.
    assert 0.6 < 89.0 * speed / (2000.0 * RAM_INSERTION[clip]) < 1.02


def test_gains_change_while_pressing(cell, run_for, go_to, park_cube):
    park_cube()
    go_to([0.4, 0.0, 0.03])
    cell.arm.set_target(Pose(np.array([0.4, 0.0, 0.0]), DOWN))
    run_for(2.0)
    stiff = cell.arm.read_state().external_wrench[2]
    cell.arm.set_compliance(replace(COMPLIANCE, translational_stiffness=500.0))
    run_for(2.0)
    assert cell.arm.read_state().external_wrench[2] == pytest.approx(stiff / 4.0, rel=0.1)


def test_the_null_space_returns_to_the_posture_without_moving_the_tcp(cell, run_for):
    start = cell.arm.read_state()
    physics = cell.scene.physics
    direction = null_vector(start.jacobian)[0]
    posture = cell.scene.impedance.posture
    cell.scene.impedance.posture = posture + 0.2 * direction
    for _ in range(20):
        cell.arm.set_target(start.tcp_pose)
        run_for(0.1)
    moved = cell.arm.read_state()
    assert (moved.joint_positions - posture) @ direction > 0.15
    assert np.abs(moved.tcp_pose.position - start.tcp_pose.position).max() < 0.001
    assert physics.data.time > 1.9


def test_an_arm_that_was_led_elsewhere_stays_there_with_all_joints(cell, run_for):
    cell.arm.set_target(JointTarget(positions=READY))
    run_for(4.0)
    start = cell.arm.read_state()
    np.testing.assert_allclose(start.joint_positions, READY, atol=0.02)
    for _ in range(30):
        cell.arm.set_target(start.tcp_pose)
        run_for(0.1)
        assert np.abs(cell.arm.read_state().joint_positions - start.joint_positions).max() < 0.05


def test_a_held_arm_rests_with_all_joints(cell, run_for, go_to):
    go_to([0.6, 0.2, 0.4])
    cell.arm.hold()
    start = cell.arm.read_state()
    run_for(2.0)
    assert np.abs(cell.arm.read_state().joint_positions - start.joint_positions).max() < 0.05


def test_an_arm_far_from_its_posture_swings_gently(cell, run_for):
    start = cell.arm.read_state()
    cell.scene.impedance.posture = start.joint_positions + 2.0 * null_vector(start.jacobian)[0]
    fastest = 0.0
    for _ in range(100):
        cell.arm.set_target(start.tcp_pose)
        run_for(0.02)
        fastest = max(fastest, float(np.abs(cell.arm.read_state().joint_velocities).max()))
    assert 0.1 < fastest < 0.31


def test_without_null_space_stiffness_the_posture_is_left_alone(cell, run_for):
    cell.arm.set_compliance(FullCompliance(nullspace_stiffness=0.0))
    start = cell.arm.read_state()
    cell.scene.impedance.posture = cell.scene.impedance.posture + 0.3
    cell.arm.set_target(start.tcp_pose)
    run_for(1.0)
    np.testing.assert_allclose(cell.arm.read_state().joint_positions, start.joint_positions, atol=1e-3)


def test_joint_targets_are_reached(cell, run_for):
    goal = cell.arm.info.home + np.array([0.1, 0.1, -0.1, 0.1, 0.1, -0.1, 0.1])
    cell.arm.set_target(JointTarget(positions=goal))
    run_for(2.0)
    np.testing.assert_allclose(cell.arm.read_state().joint_positions, goal, atol=2e-3)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_wrench_pushes_along_its_own_axis(cell, run_for, axis):
    start = cell.arm.read_state().tcp_pose.position
    wrench = np.zeros(6)
    wrench[axis] = 5.0
    cell.arm.set_target(WrenchTarget(wrench=wrench))
    run_for(0.3)
    moved = cell.arm.read_state().tcp_pose.position - start
    assert moved[axis] > 0.01


class TestDefaultsOfADaemon:
    """What an arm does whose cell says nothing."""

    @pytest.fixture(autouse=True)
    def _plain_cell(self, cell):
        cell.arm.set_bounds(Limits(LimitsConfig(), cell.arm.info, None).motion_bounds)
        cell.arm.set_compliance(FullCompliance())

    @pytest.mark.parametrize("rate_hz", [10, 100])
    def test_the_tool_is_slow_whatever_the_rate(self, cell, run_for, rate_hz):
        rng, sign, fastest = np.random.default_rng(rate_hz), 1.0, 0.0
        for _ in range(2 * rate_hz):
            state, sign = cell.arm.read_state(), -sign if rng.random() < 0.1 else sign
            cell.arm.set_target(Pose(state.tcp_pose.position + sign * np.array((0.1, 0.05, 0.02)), DOWN))
            for _ in range(100 // rate_hz):
                run_for(0.01)
                fastest = max(fastest, np.linalg.norm(cell.arm.read_state().tcp_twist[:3]))
        assert 0.1 < fastest < 1.1 * 0.25

    def test_a_press_stays_at_half_of_what_faults(self, cell, run_for, go_to, park_cube):
        park_cube()
        cell.arm.set_target(Pose(np.array([0.4, 0.0, -0.1]), DOWN))
        run_for(4.0)
        assert cell.arm.read_state().external_wrench[2] == pytest.approx(20.0, rel=0.05)


class TestBounds:
    BOUNDS = MotionBounds(
        lower=np.array((0.3, -0.1, 0.1)),
        upper=np.array((0.5, 0.1, 0.35)),
        speed=0.3,
        rotation_speed=1.0,
        push_speed=0.25,
        push_rotation_speed=1.0,
    )

    @pytest.mark.parametrize("axis", [0, 1, 2])
    @pytest.mark.parametrize("sign", [-1.0, 1.0])
    def test_a_wrench_in_free_space_is_slow_and_stops_at_the_wall(self, cell, run_for, axis, sign):
        cell.arm.set_bounds(self.BOUNDS)
        start = cell.arm.read_state().tcp_pose.position
        wrench = np.zeros(6)
        wrench[axis] = 30.0 * sign
        for _ in range(60):
            cell.arm.set_target(WrenchTarget(wrench=wrench))
            run_for(0.05)
            state = cell.arm.read_state()
            assert np.linalg.norm(state.tcp_twist[:3]) < 0.27
            moved = state.tcp_pose.position - start
            assert np.abs(np.delete(moved, axis)).max() < 0.01  # What is not forced is held.
        wall = (self.BOUNDS.upper if sign > 0 else self.BOUNDS.lower)[axis]
        assert state.tcp_pose.position[axis] == pytest.approx(wall, abs=0.005)

    def test_no_wrench_holds_the_tool(self, cell, run_for):
        start = cell.arm.read_state().tcp_pose.position
        cell.arm.set_target(WrenchTarget(wrench=np.zeros(6)))
        cell.scene.physics.data.qfrc_applied[0] = 5.0
        run_for(1.0)
        assert np.abs(cell.arm.read_state().tcp_pose.position - start).max() < 0.02

    def test_a_pose_far_away_is_approached_at_the_top_speed(self, cell, run_for):
        cell.arm.set_bounds(self.BOUNDS)
        start = cell.arm.read_state().tcp_pose
        cell.arm.set_target(Pose(start.position + np.array((0.0, 0.1, 0.0)), start.quaternion_xyzw))
        fastest = 0.0
        for _ in range(50):
            run_for(0.01)
            fastest = max(fastest, float(np.linalg.norm(cell.arm.read_state().tcp_twist[:3])))
        assert 0.2 < fastest < 0.33
        assert cell.arm.read_state().tcp_pose.position[1] == pytest.approx(0.1, abs=0.01)

    def test_a_far_joint_target_is_approached_at_the_top_speed(self, cell, run_for):
        cell.arm.set_bounds(self.BOUNDS)
        goal = cell.arm.info.home + np.array([0.4, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
        fastest = 0.0
        for _ in range(30):
            cell.arm.set_target(JointTarget(positions=goal))
            run_for(0.1)
            fastest = max(fastest, float(np.linalg.norm(cell.arm.read_state().tcp_twist[:3])))
        assert fastest < 0.36
        np.testing.assert_allclose(cell.arm.read_state().joint_positions, goal, atol=0.01)


def test_a_wrench_against_the_table_is_felt_as_its_reaction(cell, run_for, go_to, park_cube):
    park_cube()
    go_to([0.4, 0.0, 0.02])
    cell.arm.set_target(WrenchTarget(wrench=np.array([0.0, 0.0, -20.0, 0.0, 0.0, 0.0])))
    run_for(2.0)
    assert cell.arm.read_state().external_wrench[2] == pytest.approx(20.0, rel=0.1)


def test_going_back_to_a_pose_after_other_modes_is_the_same_law(cell, run_for):
    start = cell.arm.read_state()
    cell.arm.set_target(WrenchTarget(wrench=np.zeros(6)))
    run_for(0.1)
    cell.arm.set_target(JointTarget(positions=start.joint_positions))
    run_for(0.1)
    cell.arm.set_target(Pose(start.tcp_pose.position + np.array((0.0, 0.03, 0.0)), start.tcp_pose.quaternion_xyzw))
    run_for(1.5)
    np.testing.assert_allclose(
        cell.arm.read_state().tcp_pose.position, start.tcp_pose.position + np.array((0.0, 0.03, 0.0)), atol=1e-3
    )


class TestJointStops:
    LIMITS = np.array([(joint.lower, joint.upper) for joint in PANDA.joints]).T

    def rooms(self, cell):
        joints = cell.arm.read_state().joint_positions
        return np.minimum(joints - self.LIMITS[0], self.LIMITS[1] - joints)

    @pytest.mark.parametrize("corner", [(0.2, 0.0, 0.02), (0.2, -0.3, 0.05), (0.2, 0.3, 0.05)])
    def test_a_pose_in_the_box_takes_no_joint_to_its_limit(self, cell, go_to, park_cube, corner):
        park_cube(0.6)
        assert self.rooms(cell).min() > 0.3
        go_to(corner, steps=30)
        assert self.rooms(cell).min() > 0.08

    def test_joint_targets_go_up_to_the_limit_and_a_pose_does_not_push_the_joint_out(self, cell, run_for):
        near = cell.arm.read_state().joint_positions.copy()
        near[5] = self.LIMITS[1][5] - 0.02
        for share in np.linspace(0.0, 1.0, 20)[1:]:
            cell.arm.set_target(
                JointTarget(positions=near * share + cell.arm.read_state().joint_positions * (1.0 - share))
            )
            run_for(0.2)
        run_for(1.0)
        assert self.rooms(cell)[5] < 0.04
        before = cell.arm.read_state()
        cell.arm.set_target(before.tcp_pose)
        run_for(1.0)
        np.testing.assert_allclose(cell.arm.read_state().joint_positions, before.joint_positions, atol=0.01)


class TestLowPass:
    SLOW_S = 0.3

    @pytest.fixture
    def slow(self, cell):
        """Injects a low-pass far slower than the arm, whose response is then the low-pass's own."""
        latency = Latency(delay_ns=int(self.SLOW_S * 1e9), jitter_ns=0)
        cell.scene.injections.inject(Condition.TARGET_FILTER, latency=latency)

    @pytest.mark.usefixtures("slow")
    def test_a_step_is_followed_by_63_percent_in_the_time_constant(self, cell, run_for):
        start = cell.arm.read_state().tcp_pose
        turn = Rotation.from_rotvec((0.0, 0.0, 0.2))
        goal = Pose(
            start.position + np.array([0.02, 0.0, 0.0]), (turn * Rotation.from_quat(start.quaternion_xyzw)).as_quat()
        )
        shares = []
        cell.arm.set_target(goal)
        for _ in range(2):
            run_for(self.SLOW_S)
            cell.arm.set_target(goal)  # Told again half-way, as each step of an environment does.
            shares.append(self.way(start, cell.arm.read_state().tcp_pose))
        lag_s = 89.0 / 2000.0  # Of the arm itself, damping over stiffness.
        expected = [1.0 - np.exp(-(time - lag_s) / self.SLOW_S) for time in (self.SLOW_S, 2.0 * self.SLOW_S)]
        np.testing.assert_allclose(shares, np.column_stack([expected, expected]), atol=0.06)

    def way(self, start, now):
        turned = Rotation.from_quat(now.quaternion_xyzw) * Rotation.from_quat(start.quaternion_xyzw).inv()
        return (now.position[0] - start.position[0]) / 0.02, turned.as_rotvec()[2] / 0.2

    @pytest.mark.usefixtures("slow")
    def test_a_hold_forgets_where_the_set_point_was_going(self, cell, run_for):
        start = cell.arm.read_state().tcp_pose
        cell.arm.set_target(Pose(start.position + np.array([0.05, 0.0, 0.0]), start.quaternion_xyzw))
        run_for(0.1)
        cell.arm.hold()
        run_for(0.5)
        rested = cell.arm.read_state().tcp_pose.position
        run_for(1.0)
        np.testing.assert_allclose(cell.arm.read_state().tcp_pose.position, rested, atol=5e-4)
