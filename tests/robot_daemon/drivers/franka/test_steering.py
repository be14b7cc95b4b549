"""What the motions are told, with franky's own motion objects and no arm."""

import math
from dataclasses import replace

import franky
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from robot_daemon.drivers.franka.facts import ARMS
from robot_daemon.drivers.franka.motions import Law
from robot_daemon.drivers.franka.shaping import POSTURE_SPEED, null_direction
from robot_daemon.drivers.franka.steering import PULL_TOLERANCE, Setup, Steering
from serl_api.values import FullCompliance, JointTarget, Pose, WrenchTarget
from tests.support.bounds import FREE

MS = 1_000_000
DOWN = np.array([1.0, 0.0, 0.0, 0.0])
HOME = np.array(ARMS["fr3"].home)
FIRM = FullCompliance(translational_clip_positive=(0.02,) * 3, translational_clip_negative=(0.02,) * 3)


@pytest.fixture
def due():
    return []


@pytest.fixture
def make(due):
    def build(time_constant_s=0.0, posture=None):
        setup = Setup(
            facts=ARMS["fr3"],
            posture=posture,
            joint_stiffness=np.full(7, 100.0),
            joint_damping=np.full(7, 10.0),
            time_constant_s=time_constant_s,
            gains_time_constant_s=0.1,
        )
        steering = Steering(setup, lambda: due.append(True))
        steering.set_bounds(FREE)
        return steering

    return build


def at(x):
    return Pose(np.array([x, 0.0, 0.25]), DOWN)


def run(steering, target, state, now_ns=0):
    """What the owner does when a target asks for a motion."""
    steering.follow(target, state, now_ns)
    track = steering.prepare(state, now_ns)
    steering.started(track, state, now_ns)
    return track.motion


def x_of(motion):
    return float(motion.get_reference().target.translation[0])


def test_nothing_is_due_before_a_target(make, make_state, due):
    steering = make()
    steering.set_compliance(FIRM)
    steering.hold(make_state())
    steering.renew(make_state(), 0)
    assert steering.prepare(make_state(), 0) is None
    assert due == []


def test_the_first_target_asks_for_a_motion_that_begins_where_the_arm_is(make, make_state, due):
    steering, state = make(), make_state()
    steering.follow(at(0.42), state, 0)
    assert due == [True]
    track = steering.prepare(state, 0)
    assert isinstance(track.motion, franky.CartesianImpedanceTrackingMotion)
    assert x_of(track.motion) == pytest.approx(0.4)
    steering.started(track, state, 0)
    assert x_of(track.motion) == pytest.approx(0.42)
    assert steering.law is Law.POSE


def test_the_next_target_reaches_the_running_motion_at_once(make, make_state, due):
    steering, state = make(), make_state()
    motion = run(steering, at(0.42), state)
    due.clear()
    steering.follow(at(0.43), state, 100 * MS)
    assert x_of(motion) == pytest.approx(0.43)
    assert due == []


def test_targets_are_low_passed_between_the_loops_turns(make, make_state):
    steering, state = make(time_constant_s=0.05), make_state()
    motion = run(steering, at(0.45), state)
    for turn in range(1, 26):
        steering.renew(state, turn * 2 * MS)
    assert x_of(motion) == pytest.approx(0.4 + 0.05 * (1.0 - math.exp(-1.0)), abs=1e-6)


def test_hold_is_where_the_arm_is_now_not_where_the_low_pass_was(make, make_state):
    steering = make(time_constant_s=0.05)
    motion = run(steering, at(0.45), make_state())
    steering.renew(make_state(), 100 * MS)
    moved = make_state(tcp_pose=Pose(np.array([0.41, 0.0, 0.25]), make_state().tcp_pose.quaternion_xyzw))
    steering.hold(moved)
    assert x_of(motion) == pytest.approx(0.41)
    steering.renew(moved, 500 * MS)
    assert x_of(motion) == pytest.approx(0.41)


def test_new_gains_reach_the_running_motion(make, make_state, due):
    steering, state = make(), make_state()
    motion = run(steering, at(0.41), state)
    due.clear()
    steering.set_compliance(FullCompliance(translational_stiffness=300.0))
    assert motion.get_gains().stiffness[0, 0] == 300.0
    assert due == []


def test_new_clips_need_another_motion_that_goes_on_where_the_last_one_was(make, make_state, due):
    steering, state = make(time_constant_s=0.05), make_state()
    motion = run(steering, at(0.45), state)
    steering.renew(state, 30 * MS)
    due.clear()
    steering.set_compliance(FIRM)
    assert due == [True]
    track = steering.prepare(state, 30 * MS)
    steering.renew(state, 40 * MS)
    steering.started(track, state, 40 * MS)
    assert track.motion is not motion
    np.testing.assert_array_equal(track.motion.params.translational_error_clip, 0.02)
    assert x_of(track.motion) == pytest.approx(x_of(motion), abs=1e-9)
    assert steering.prepare(state, 40 * MS) is None


def test_joints_are_tracked_and_held(make, make_state):
    steering, state = make(), make_state()
    motion = run(steering, JointTarget(positions=HOME + 0.05), state)
    steering.renew(state, 10 * MS)
    np.testing.assert_allclose((motion.get_reference().q - HOME)[:4], 0.5 * 2.62 * 0.01)  # Half the joints' top speed.
    steering.renew(state, 100 * MS)
    np.testing.assert_allclose(motion.get_reference().q, HOME + 0.05)
    steering.hold(make_state(joint_positions=HOME + 0.03))
    np.testing.assert_allclose(motion.get_reference().q, HOME + 0.03)
    assert steering.prepare(state, 0) is None


def test_a_wrench_becomes_torques_and_holding_it_becomes_a_pose(make, make_state, due):
    steering, state = make(), make_state()
    wrench = np.array([0.0, 0.0, -5.0, 0.0, 0.0, 0.0])
    motion = run(steering, WrenchTarget(wrench=wrench), state)
    np.testing.assert_allclose(motion.get_torque(), state.jacobian.T @ wrench, atol=1e-9)
    due.clear()
    steering.hold(state)
    np.testing.assert_allclose(motion.get_torque(), 0.0, atol=1e-9)
    assert due == [True]
    track = steering.prepare(state, 0)
    assert track.law is Law.POSE
    assert x_of(track.motion) == pytest.approx(0.4)


def test_a_motion_that_is_replaced_is_told_nothing_of_the_other_law(make, make_state):
    steering, state = make(), make_state()
    motion = run(steering, JointTarget(positions=HOME + 0.05), state)
    steering.renew(state, 100 * MS)
    steering.follow(WrenchTarget(wrench=np.zeros(6)), state, 0)
    track = steering.prepare(state, 0)
    steering.renew(state, 2 * MS)
    np.testing.assert_allclose(motion.get_reference().q, HOME + 0.05)
    assert track.law is Law.WRENCH


def test_a_hold_while_a_motion_starts_leaves_it_holding(make, make_state):
    steering, state = make(), make_state()
    steering.follow(at(0.45), state, 0)
    track = steering.prepare(state, 0)
    steering.hold(state)
    steering.started(track, state, 0)
    steering.renew(state, 100 * MS)
    assert x_of(track.motion) == pytest.approx(0.4)


def test_after_a_fault_nothing_starts_by_itself(make, make_state):
    steering, state = make(), make_state()
    run(steering, at(0.45), state)
    steering.ended(forget=True)
    assert steering.prepare(state, 0) is None


def test_after_a_pause_the_target_is_tracked_on(make, make_state):
    steering, state = make(), make_state()
    run(steering, at(0.45), state)
    steering.ended(forget=False)
    track = steering.prepare(state, 0)
    steering.started(track, state, 0)
    assert x_of(track.motion) == pytest.approx(0.45)


class TestPosture:
    def test_it_is_where_the_arm_stands_when_a_pose_begins_to_be_tracked(self, make, make_state):
        joints = np.linspace(-0.6, 0.6, 7)
        motion = run(make(), at(0.42), make_state(joint_positions=joints))
        np.testing.assert_array_equal(posture_of(motion), joints)

    def test_it_is_taken_anew_after_joints_were_tracked(self, make, make_state):
        steering, joints = make(), np.linspace(-0.6, 0.6, 7)
        run(steering, JointTarget(positions=joints), make_state())
        motion = run(steering, at(0.42), make_state(joint_positions=joints))
        np.testing.assert_array_equal(posture_of(motion), joints)

    def test_other_clips_leave_it_alone(self, make, make_state):
        steering = make()
        before = posture_of(run(steering, at(0.42), make_state()))
        steering.set_compliance(FIRM)
        track = steering.prepare(make_state(joint_positions=np.full(7, 0.2)), 0)
        np.testing.assert_array_equal(posture_of(track.motion), before)

    def test_a_hold_lets_the_null_space_rest_where_it_is(self, make, make_state, due):
        steering, moved = make(), make_state(joint_positions=np.full(7, 0.2))
        run(steering, at(0.42), make_state())
        due.clear()
        steering.hold(moved)
        assert due == [True]
        np.testing.assert_array_equal(posture_of(steering.prepare(moved, 0).motion), 0.2)

    def test_a_hold_next_to_it_needs_no_other_motion(self, make, make_state, due):
        steering = make()
        run(steering, at(0.42), make_state())
        due.clear()
        steering.hold(make_state(joint_positions=HOME + 0.005))
        assert due == []

    def test_that_of_the_cells_file_stays(self, make, make_state, due):
        steering = make(posture=np.full(7, 0.4))
        np.testing.assert_array_equal(posture_of(run(steering, at(0.42), make_state())), 0.4)
        due.clear()
        steering.hold(make_state(joint_positions=np.full(7, 0.2)))
        assert due == []

    def test_far_from_it_the_pull_is_bounded_along_the_null_space_and_damped_as_ever(self, make, make_state):
        along = null_direction(make_state().jacobian)
        steering, pulls = make(posture=HOME), []
        motion = run(steering, at(0.42), make_state())
        for distance in (0.0, 0.1, 0.4, 0.8, 0.0):
            # Far to the side as well, which pulls nowhere along the null space.
            aside = np.linalg.svd(make_state().jacobian)[2][0]
            steering.renew(make_state(joint_positions=HOME + distance * along + 0.5 * aside), 0)
            gains = motion.get_nullspace_gains()
            pulls.append(float(gains.posture_stiffness[0]) * distance)
            np.testing.assert_allclose(gains.posture_damping, 2.0 * math.sqrt(10.0))
        most = 2.0 * math.sqrt(10.0) * POSTURE_SPEED
        np.testing.assert_allclose(pulls, (0.0, 1.0, most, most, 0.0), rtol=PULL_TOLERANCE)


def posture_of(motion):
    (task,) = motion.params.nullspace_tasks
    return task.target


class TestHold:
    MOVING = 0.25 * np.eye(6)[0]

    def test_a_moving_arm_is_braked_by_a_reference_behind_it_and_held_where_it_is_slow(self, make, make_state):
        steering = make()
        steering.set_compliance(FIRM)
        motion = run(steering, at(0.45), make_state())
        steering.hold(make_state(tcp_twist=self.MOVING))
        assert x_of(motion) == pytest.approx(0.4 - 0.02)  # 0.25 m/s ask for 26 mm; the clip is 20.
        slow = make_state(tcp_pose=at(0.41), tcp_twist=0.03 * self.MOVING)
        steering.renew(slow, 100 * MS)
        steering.renew(make_state(tcp_pose=at(0.412)), 200 * MS)
        assert x_of(motion) == pytest.approx(0.41)

    def test_an_arm_that_does_not_become_slow_is_held_in_the_end(self, make, make_state):
        steering = make()
        motion = run(steering, at(0.41), make_state())
        steering.hold(make_state(tcp_twist=self.MOVING))
        steering.renew(make_state(time_ns=400 * MS, tcp_pose=at(0.45), tcp_twist=self.MOVING), 400 * MS)
        steering.renew(make_state(time_ns=500 * MS, tcp_pose=at(0.455)), 500 * MS)
        assert x_of(motion) == pytest.approx(0.45)

    def test_the_next_target_ends_it(self, make, make_state):
        steering = make()
        motion = run(steering, at(0.41), make_state())
        steering.hold(make_state(tcp_twist=self.MOVING))
        steering.follow(at(0.405), make_state(tcp_twist=self.MOVING), 10 * MS)
        assert x_of(motion) == pytest.approx(0.405)


class TestIdle:
    def test_only_a_pose_that_has_been_held_for_long_is_given_up_and_the_next_target_is_kept(self, make, make_state):
        steering = make()
        run(steering, at(0.41), make_state())
        assert not steering.retire(10_000 * MS)
        steering.hold(make_state(time_ns=1000 * MS))
        assert not steering.retire(1200 * MS)
        assert steering.retire(1400 * MS)
        steering.follow(at(0.42), make_state(), 1500 * MS)  # Before the motion has ended.
        steering.ended(forget=False)
        assert steering.is_due


class TestInterpolation:
    @pytest.fixture
    def steering(self, make):
        found = make()
        found.set_bounds(replace(FREE, interpolates=True))
        found.set_pace(0.1)
        return found

    def test_the_reference_goes_to_the_target_over_the_period_led_by_the_damper(self, steering, make_state):
        motion = run(steering, at(0.405), make_state())
        assert x_of(motion) == pytest.approx(0.4)
        steering.renew(make_state(), 50 * MS)
        steering.renew(make_state(), 52 * MS)
        speed = 0.005 / 0.11
        assert x_of(motion) == pytest.approx(0.4 + 0.052 * speed + 89.0 / 2000.0 * speed)
        for now in (109, 111, 113):
            steering.renew(make_state(), now * MS)
        assert x_of(motion) == pytest.approx(0.405)

    def test_the_next_leg_begins_where_the_set_point_is(self, steering, make_state):
        motion = run(steering, at(0.405), make_state())
        steering.renew(make_state(), 100 * MS)
        steering.follow(at(0.41), make_state(), 100 * MS)
        steering.renew(make_state(), 101 * MS)
        steering.renew(make_state(), 102 * MS)
        here, speed = 0.4 + 0.005 / 1.1, (0.01 - 0.005 / 1.1) / 0.11
        assert x_of(motion) == pytest.approx(here + 0.002 * speed + 89.0 / 2000.0 * speed)

    def test_a_target_without_a_period_is_tracked_at_once(self, steering, make_state):
        steering.set_pace(0.0)
        assert x_of(run(steering, at(0.405), make_state())) == pytest.approx(0.405)


class TestJointWalls:
    """A spring that would take joint 4 to its limit is turned back; where control began, the arm stays."""

    def folded(self, make_state, room):
        joints = HOME.copy()
        joints[3] = ARMS["fr3"].lower[3] + room
        return make_state(joint_positions=joints)

    def pulls(self, motion, state):
        """The joint torque of the spring that a motion was told."""
        told, gains = motion.get_reference().target, FullCompliance()
        turn = Rotation.from_quat(told.quaternion) * Rotation.from_quat(state.tcp_pose.quaternion_xyzw).inv()
        force = gains.translational_stiffness * (told.translation - state.tcp_pose.position)
        moment = gains.rotational_stiffness * turn.as_rotvec()
        return float(state.jacobian[:, 3] @ np.concatenate([force, moment]))

    def far(self, state):
        """A target that asks joint 4 to fold further."""
        towards = -state.jacobian[:3, 3] / np.linalg.norm(state.jacobian[:3, 3])
        return Pose(state.tcp_pose.position + 0.01 * towards, DOWN)

    @pytest.mark.parametrize(("room", "is_held"), [(0.4, False), (0.1, True)])
    def test_a_pose_takes_a_joint_no_further_than_its_wall(self, make, make_state, room, is_held):
        steering, state = make(), self.folded(make_state, room)
        begin = make_state()
        motion = run(steering, begin.tcp_pose, begin)
        steering.follow(self.far(state), state, 0)
        pull = self.pulls(motion, state)
        assert pull == pytest.approx(0.0, abs=1e-6) if is_held else pull < -1.0

    def test_an_arm_that_begins_beyond_a_wall_is_not_pushed_out(self, make, make_state):
        steering, state = make(), self.folded(make_state, 0.03)
        motion = run(steering, state.tcp_pose, state)
        assert x_of(motion) == state.tcp_pose.position[0]

    def test_a_wrench_takes_a_joint_no_further_either(self, make, make_state):
        steering, state = make(), self.folded(make_state, 0.1)
        begin = make_state()
        motion = run(steering, WrenchTarget(wrench=np.zeros(6)), begin)
        push = np.zeros(6)
        push[:3] = -30.0 * state.jacobian[:3, 3]
        steering.follow(WrenchTarget(wrench=push), state, 0)
        assert motion.get_torque()[3] >= -1e-9
        assert np.abs(motion.get_torque()).max() > 0.1
