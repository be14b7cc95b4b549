import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_daemon.drivers.fake.cell import FakeArm, FakeGripper, LockstepTimebase, build_fake_cell
from serl_api.enums import GripperMotion, Pacing
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.rotation import conjugate, from_rotvec, multiply, to_rotvec
from serl_api.values import GripperTarget, JointTarget

joints = st.lists(st.floats(-0.6, 0.6), min_size=7, max_size=7).map(np.array)


def arm_at(positions):
    return FakeArm(LockstepTimebase(), positions)


def after(arm, seconds):
    arm._timebase.wait_until(arm._timebase.now_ns() + round(seconds * 1e9))
    return arm.read_state()


@given(joints)
def test_the_jacobian_agrees_with_finite_differences(q):
    here, step = arm_at(q).read_state(), 1e-6
    for joint in range(7):
        moved = arm_at(q + step * np.eye(7)[joint]).read_state()
        linear = (moved.tcp_pose.position - here.tcp_pose.position) / step
        turned = multiply(tuple(moved.tcp_pose.quaternion_xyzw), conjugate(tuple(here.tcp_pose.quaternion_xyzw)))
        column = np.concatenate([linear, np.array(to_rotvec(turned)) / step])
        assert column == pytest.approx(here.jacobian[:, joint], abs=1e-4)


@given(joints)
def test_the_arm_reaches_a_pose_that_it_can_have(q):
    goal, arm = arm_at(q).read_state(), FakeArm(LockstepTimebase())
    arm.set_target(goal.tcp_pose)
    reached = after(arm, 2.0)
    assert reached.tcp_pose.position == pytest.approx(goal.tcp_pose.position, abs=1e-6)
    assert abs(np.dot(reached.tcp_pose.quaternion_xyzw, goal.tcp_pose.quaternion_xyzw)) == pytest.approx(1.0, abs=1e-9)


def test_the_path_does_not_depend_on_how_often_it_is_read():
    goal = JointTarget(positions=np.full(7, 0.3))
    once, often = FakeArm(LockstepTimebase()), FakeArm(LockstepTimebase())
    for arm in (once, often):
        arm.set_target(goal)
    for _ in range(9):
        after(often, 0.01)
    assert after(once, 0.1).joint_positions == pytest.approx(after(often, 0.01).joint_positions)


def test_a_hold_stops_the_arm_where_it_is():
    arm = FakeArm(LockstepTimebase())
    arm.set_target(JointTarget(positions=np.full(7, 0.5)))
    moving = after(arm, 0.05)
    arm.hold()
    assert after(arm, 1.0).joint_positions == pytest.approx(moving.joint_positions)


def test_twist_is_the_jacobian_times_the_joint_velocities():
    arm = FakeArm(LockstepTimebase())
    arm.set_target(JointTarget(positions=np.full(7, 0.5)))
    state = after(arm, 0.05)
    assert np.abs(state.joint_velocities).max() > 0.1
    assert state.tcp_twist == pytest.approx(state.jacobian @ state.joint_velocities)


def test_a_faulted_arm_ignores_targets_until_recovery():
    arm = FakeArm(LockstepTimebase())
    arm.inject_fault("contact_reflex")
    arm.set_target(JointTarget(positions=np.full(7, 0.5)))
    assert after(arm, 1.0).joint_positions == pytest.approx(np.zeros(7))
    arm.recover(("contact_reflex",))
    arm.set_target(JointTarget(positions=np.full(7, 0.5)))
    assert after(arm, 2.0).joint_positions == pytest.approx(np.full(7, 0.5), abs=1e-6)


def test_the_gripper_stops_at_an_object():
    timebase = LockstepTimebase()
    gripper = FakeGripper(timebase)
    gripper.object_width = 0.04
    gripper.set_target(GripperTarget(width=0.0))
    timebase.wait_until(1_000_000_000)
    state = gripper.read_state()
    assert (state.width, state.motion) == (pytest.approx(0.04), GripperMotion.OBJECT_HELD)


def test_a_jammed_gripper_does_not_move():
    timebase = LockstepTimebase()
    gripper = FakeGripper(timebase)
    gripper.is_jammed = True
    gripper.set_target(GripperTarget(width=0.0))
    timebase.wait_until(1_000_000_000)
    assert gripper.read_state().width == pytest.approx(0.085)


def test_an_unplugged_camera_raises():
    fake = build_fake_cell(pacing=Pacing.LOCKSTEP)
    fake.cameras["front"].is_delivering = False
    with pytest.raises(DeviceUnavailableError, match="front"):
        fake.cameras["front"].read(0.1)


def test_home_points_down():
    assert FakeArm(LockstepTimebase()).info.home_tcp_pose.quaternion_xyzw.tolist() == [1.0, 0.0, 0.0, 0.0]
    assert from_rotvec((0.0, 0.0, 0.0)) == (0.0, 0.0, 0.0, 1.0)
