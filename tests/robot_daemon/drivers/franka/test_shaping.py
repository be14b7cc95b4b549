import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from robot_daemon.drivers.franka.facts import ARMS
from robot_daemon.drivers.franka.joint_walls import joint_walls
from robot_daemon.drivers.franka.shaping import (
    POSTURE_SPEED,
    JointLimits,
    affordable,
    approach,
    approach_pose,
    limit_joints,
    limit_pose,
    null_direction,
    posture_stiffness,
    share,
    spring_limits,
    wrench_torque,
)
from serl_api.values import FullCompliance, Pose
from tests.support.bounds import FREE

PLENTY = np.full(7, 1e6)
FAR = replace(
    joint_walls(ARMS["fr3"]),
    lower=np.full(7, -1e9),
    upper=np.full(7, 1e9),
    limits=(np.full(7, -1e12), np.full(7, 1e12)),
)
"""Walls of joints that are nowhere near."""
DOWN = np.array([1.0, 0.0, 0.0, 0.0])


@pytest.fixture(scope="module")
def make_state(make_state):
    """States whose joints stand at zero."""
    return partial(make_state, joint_positions=np.zeros(7))


def limits_of(compliance, torque):
    """The limits of a compliance alone: nothing else binds."""
    return spring_limits(compliance, torque, FREE, np.full(7, 100.0))


def pose(position=(0.4, 0.0, 0.25), rotvec=(0.0, 0.0, 0.0)):
    turned = (Rotation.from_rotvec(rotvec) * Rotation.from_quat(DOWN)).as_quat()
    return Pose(np.array(position), turned)


def error(target, state):
    """Translation and rotation vector in base from the measured pose to a target, by scipy."""
    turn = Rotation.from_quat(target.quaternion_xyzw) * Rotation.from_quat(state.tcp_pose.quaternion_xyzw).inv()
    return np.concatenate([target.position - state.tcp_pose.position, turn.as_rotvec()])


class TestLowPass:
    def test_it_goes_63_percent_of_a_step_in_its_time_constant(self):
        assert share(0.2, 0.2) == pytest.approx(1.0 - math.exp(-1.0))

    def test_it_does_not_depend_on_how_time_is_cut(self):
        value = np.zeros(3)
        goal = np.array([1.0, -2.0, 0.5])
        for _ in range(40):
            value = approach(value, goal, share(0.005, 0.1))
        np.testing.assert_allclose(value, goal * (1.0 - math.exp(-2.0)), rtol=1e-12)

    def test_it_is_that_of_serl_franka_controllers_at_its_time_constant(self):
        assert share(0.001, 0.2) == pytest.approx(0.005, rel=0.003)  # Their filter: 0.005 each millisecond.

    def test_no_element_is_faster_than_it_may(self):
        value = approach(np.zeros(3), np.array([1.0, -2.0, 0.1]), 0.5, np.full(3, 0.2))
        np.testing.assert_allclose(value, (0.2, -0.2, 0.05))
        np.testing.assert_allclose(approach(np.zeros(1), np.ones(1), 1.0, np.full(1, 0.2)), 0.2)

    def test_none_passes_the_goal_itself(self):
        goal = pose((0.5, 0.0, 0.2))
        assert approach_pose(pose(), goal, share(0.001, 0.0)) is goal

    def test_a_pose_moves_straight_and_turns_the_short_way(self):
        half = approach_pose(pose(), pose((0.5, 0.1, 0.25), (0.0, 0.0, 0.4)), 0.5)
        np.testing.assert_allclose(half.position, (0.45, 0.05, 0.25))
        turn = Rotation.from_quat(half.quaternion_xyzw) * Rotation.from_quat(DOWN).inv()
        np.testing.assert_allclose(turn.as_rotvec(), (0.0, 0.0, 0.2), atol=1e-12)

    def test_what_is_next_to_the_goal_is_the_goal(self):
        goal = pose((0.4 + 1e-7, 0.0, 0.25))
        assert approach_pose(pose(), goal, 0.01) is goal
        still = np.zeros(7)
        assert approach(still + 1e-8, still, 0.01) is still


WIDE = FullCompliance(
    translational_clip_positive=(0.1,) * 3,
    translational_clip_negative=(0.1,) * 3,
    rotational_clip_positive=(1.0,) * 3,
    rotational_clip_negative=(1.0,) * 3,
)


class TestPoseLimits:
    def test_a_target_within_the_clips_is_left_alone(self, make_state):
        target = pose((0.45, 0.0, 0.25))
        assert limit_pose(target, make_state(), limits_of(FullCompliance(), PLENTY), FAR) is target

    def test_a_target_beyond_a_symmetric_clip_is_left_to_franky(self, make_state):
        compliance = FullCompliance(translational_clip_positive=(0.01,) * 3, translational_clip_negative=(0.01,) * 3)
        target = pose((0.45, 0.0, 0.25))
        assert limit_pose(target, make_state(), limits_of(compliance, PLENTY), FAR) is target

    @given(
        offset=st.tuples(*[st.floats(-0.2, 0.2)] * 3),
        turn=st.tuples(*[st.floats(-1.2, 1.2)] * 3),
        clips=st.tuples(*[st.floats(0.005, 0.1)] * 6),
        turn_clips=st.tuples(*[st.floats(0.05, 1.0)] * 6),
    )
    def test_each_direction_has_its_own_clip(self, make_state, offset, turn, clips, turn_clips):
        state = make_state()
        compliance = FullCompliance(
            translational_clip_positive=clips[:3],
            translational_clip_negative=clips[3:],
            rotational_clip_positive=turn_clips[:3],
            rotational_clip_negative=turn_clips[3:],
        )
        target = pose(state.tcp_pose.position + offset, turn)
        limits = limits_of(compliance, PLENTY)
        told = error(limit_pose(target, state, limits, FAR), state)
        by_franky = np.clip(told, -limits.symmetric, limits.symmetric)
        upper = np.array([*clips[:3], *turn_clips[:3]])
        lower = -np.array([*clips[3:], *turn_clips[3:]])
        np.testing.assert_allclose(by_franky, np.clip(error(target, state), lower, upper), atol=1e-9)

    def test_the_pull_towards_one_side_is_weaker_than_towards_the_other(self, make_state):
        compliance = FullCompliance(
            translational_clip_positive=(0.01, 0.1, 0.1), translational_clip_negative=(0.05, 0.1, 0.1)
        )
        limits = limits_of(compliance, PLENTY)
        state = make_state()
        assert error(limit_pose(pose((0.49, 0.0, 0.25)), state, limits, FAR), state)[0] == pytest.approx(0.01)
        assert limits.symmetric[0] == 0.05  # Towards the other side franky clips.
        assert error(limit_pose(pose((0.31, 0.0, 0.25)), state, limits, FAR), state)[0] == pytest.approx(-0.09)

    @given(
        offset=st.tuples(*[st.floats(-0.1, 0.1)] * 3),
        turn=st.tuples(*[st.floats(-0.6, 0.6)] * 3),
        speed=st.tuples(*[st.floats(-0.5, 0.5)] * 7),
    )
    def test_spring_and_damper_never_ask_more_of_a_joint_than_they_may(self, make_state, offset, turn, speed):
        state = make_state(joint_velocities=np.array(speed))
        bound = np.array([30.0] * 4 + [9.0] * 3)
        limits = limits_of(WIDE, bound)
        told = error(limit_pose(pose(state.tcp_pose.position + offset, turn), state, limits, FAR), state)
        spring = np.array([2000.0] * 3 + [150.0] * 3) * np.clip(told, -limits.symmetric, limits.symmetric)
        damper = np.array([89.0] * 3 + [7.0] * 3) * state.tcp_twist
        alone = np.abs(state.jacobian.T @ damper)  # What the damper takes by itself cannot be taken away.
        assert (np.abs(state.jacobian.T @ (spring - damper)) <= np.maximum(bound, alone) + 1e-6).all()

    def test_a_shortened_error_keeps_its_direction(self, make_state):
        state = make_state()
        target = pose((0.48, 0.03, 0.25))
        told = error(limit_pose(target, state, limits_of(WIDE, np.full(7, 5.0)), FAR), state)
        asked = error(target, state)
        assert 0.0 < told[0] < asked[0]
        np.testing.assert_allclose(told / told[0], asked / asked[0], atol=1e-9)


class TestBoundsOfTheOutcome:
    SLOW = replace(
        FREE, speed=0.2, rotation_speed=0.5, lower=np.array((0.3, -0.3, 0.0)), upper=np.array((0.5, 0.3, 0.5))
    )

    def limits(self, **values):
        return spring_limits(WIDE, PLENTY, replace(self.SLOW, **values), np.full(7, 2.0))

    def test_a_far_target_is_pulled_at_as_hard_as_the_damper_takes_at_the_top_speed(self, make_state):
        told = error(limit_pose(pose((0.46, 0.08, 0.25)), make_state(), self.limits(), FAR), make_state())
        assert 2000.0 * np.linalg.norm(told[:3]) == pytest.approx(89.0 * 0.2)
        assert told[0] / told[1] == pytest.approx(0.06 / 0.08)

    def test_a_far_turn_as_well(self, make_state):
        target = pose((0.4, 0.0, 0.25), rotvec=(0.4, 0.0, 0.0))
        told = error(limit_pose(target, make_state(), self.limits(), FAR), make_state())
        assert 150.0 * np.linalg.norm(told[3:]) == pytest.approx(7.0 * 0.5)

    def test_a_joint_next_to_its_top_speed_is_driven_no_further(self, make_state):
        velocities = np.array([1.9, 0, 0, 0, 0, 0, 0.0])
        state = make_state(joint_velocities=velocities)
        limits = self.limits(speed=100.0, lower=np.full(3, -9.0), upper=np.full(3, 9.0))
        told = error(limit_pose(pose((0.43, 0.0, 0.25)), state, limits, FAR), state)
        np.testing.assert_allclose(told, 0.0, atol=1e-9)
        back = error(limit_pose(pose((0.37, 0.0, 0.25)), state, limits, FAR), state)
        assert np.linalg.norm(back[:3]) > 0.02

    def test_a_tool_that_comes_too_fast_to_a_wall_is_braked(self, make_state):
        twist = np.array([0.6, 0, 0, 0, 0, 0.0])
        state = make_state(tcp_pose=pose((0.46, 0.0, 0.25)), tcp_twist=twist)
        told = error(limit_pose(pose((0.5, 0.0, 0.25)), state, self.limits(speed=100.0), FAR), state)
        assert 89.0 * 0.6 - 2000.0 * told[0] == pytest.approx(300.0 * 0.6)


class TestAffordable:
    def test_what_fits_is_granted(self):
        assert affordable(np.full(7, 4.0), np.full(7, 1.0), np.full(7, 5.0)) == 1.0

    def test_the_tightest_joint_decides(self):
        wanted = np.array([10.0, 0.0, 4.0, 0.0, 0.0, 0.0, -20.0])
        assert affordable(wanted, np.zeros(7), np.full(7, 5.0)) == 0.25

    def test_what_works_against_it_makes_room(self):
        wanted, present = np.full(7, 10.0), np.full(7, -5.0)
        assert affordable(wanted, present, np.full(7, 5.0)) == 1.0

    def test_nothing_is_granted_where_there_is_no_room(self):
        assert affordable(np.full(7, 1.0), np.full(7, 6.0), np.full(7, 5.0)) == 0.0


class TestJointLimits:
    limits = JointLimits(np.full(7, 100.0), np.full(7, 10.0), np.full(7, 20.0), np.full(7, 2.0))

    def test_what_is_near_is_left_alone(self, make_state):
        target = np.full(7, 0.19)
        assert limit_joints(target, make_state(), self.limits, FAR) is target

    def test_the_torque_at_rest_is_bounded(self, make_state):
        told = limit_joints(np.array([0.5, -0.5, 0.1, 0.0, 0.0, 0.0, 0.0]), make_state(), self.limits, FAR)
        np.testing.assert_allclose(told, [0.2, -0.2, 0.1, 0.0, 0.0, 0.0, 0.0])

    def test_the_speed_at_which_spring_and_damper_balance_is_bounded(self, make_state):
        wide = JointLimits(np.full(7, 100.0), np.full(7, 10.0), np.full(7, 1e6), np.full(7, 2.0))
        told = limit_joints(np.full(7, 0.5), make_state(), wide, FAR)
        np.testing.assert_allclose(told, 0.2)  # 100 * 0.2 = 10 * 2.

    def test_a_joint_without_a_damper_has_no_such_speed(self, make_state):
        limits = JointLimits(np.full(7, 100.0), np.zeros(7), np.full(7, 1e6), np.full(7, 2.0))
        target = np.full(7, 0.5)
        assert limit_joints(target, make_state(), limits, FAR) is target

    def test_a_moving_joint_may_be_pulled_by_what_its_damper_takes(self, make_state):
        state = make_state(joint_velocities=np.full(7, -1.0))
        told = limit_joints(np.full(7, 0.5), state, self.limits, FAR)
        np.testing.assert_allclose(100.0 * told - 10.0 * -1.0, 20.0)


class TestWrench:
    def test_at_rest_in_its_posture_it_is_the_transposed_jacobian(self, make_state):
        state, wrench = make_state(), np.array([1.0, -2.0, 3.0, 0.1, 0.2, -0.3])
        torque = wrench_torque(wrench, state, np.zeros(6), np.zeros(7), 10.0, PLENTY, FAR)
        np.testing.assert_allclose(torque, state.jacobian.T @ wrench, atol=1e-9)

    def test_the_posture_pushes_the_tool_nowhere(self, make_state):
        state = make_state(joint_velocities=np.array([0.1, -0.2, 0.3, 0.1, 0.0, 0.2, -0.1]))
        torque = wrench_torque(np.zeros(6), state, np.zeros(6), np.full(7, 0.3), 10.0, PLENTY, FAR)
        inertia_free = np.linalg.lstsq(state.jacobian.T, torque, rcond=None)[0]
        np.testing.assert_allclose(inertia_free, 0.0, atol=1e-5)
        assert np.abs(torque).max() > 0.1

    def test_the_damper_works_against_the_twist(self, make_state):
        state = make_state(joint_velocities=np.array([0.1, -0.2, 0.3, 0.1, 0.0, 0.2, -0.1]))
        damping = np.array([10.0] * 3 + [1.0] * 3)
        torque = wrench_torque(np.zeros(6), state, damping, np.zeros(7), 0.0, PLENTY, FAR)
        np.testing.assert_allclose(torque, -state.jacobian.T @ (damping * state.tcp_twist), atol=1e-12)

    def test_a_wrench_beyond_the_joints_is_shortened(self, make_state):
        state, bound = make_state(), np.full(7, 2.0)
        torque = wrench_torque(np.array([30.0, 0, 0, 0, 0, 0]), state, np.zeros(6), np.zeros(7), 10.0, bound, FAR)
        assert np.abs(torque).max() == pytest.approx(2.0)
        full = state.jacobian.T @ np.array([30.0, 0, 0, 0, 0, 0])
        np.testing.assert_allclose(torque / np.abs(torque).max(), full / np.abs(full).max(), atol=1e-9)

    def test_an_arm_far_from_its_posture_swings_gently(self, make_state):
        jacobian = np.hstack([np.eye(6), np.zeros((6, 1))])  # Joint 7 is the null space.
        state = make_state(jacobian=jacobian)
        torque = wrench_torque(np.zeros(6), state, np.zeros(6), np.full(7, 2.0), 10.0, PLENTY, FAR)
        np.testing.assert_allclose(torque, [0, 0, 0, 0, 0, 0, 2.0 * math.sqrt(10.0) * POSTURE_SPEED], atol=1e-6)


class TestPosture:
    def test_near_it_the_whole_stiffness_pulls(self, make_state):
        assert posture_stiffness(10.0, np.full(7, 0.05), make_state(joint_positions=np.zeros(7))) == 10.0

    def test_only_what_pulls_along_the_null_space_is_bounded(self, make_state):
        jacobian = np.hstack([np.eye(6), np.zeros((6, 1))])  # Joint 7 is the null space.
        state = make_state(jacobian=jacobian, joint_positions=np.zeros(7))
        assert posture_stiffness(10.0, np.array([2.0] * 6 + [0.0]), state) == 10.0
        pull = posture_stiffness(10.0, np.array([2.0] * 6 + [-1.0]), state)
        assert pull * 1.0 == pytest.approx(2.0 * math.sqrt(10.0) * POSTURE_SPEED)

    def test_the_null_direction_moves_no_tool(self, make_state):
        state = make_state()
        along = null_direction(state.jacobian)
        assert np.linalg.norm(along) == pytest.approx(1.0)
        np.testing.assert_allclose(state.jacobian @ along, 0.0, atol=1e-12)
