import numpy as np
import pytest

from robot_daemon.drivers.franka.facts import ARMS
from robot_daemon.drivers.franka.motions import (
    TORQUE_TIMEOUT_S,
    joint_motion,
    pose_motion,
    pose_reference,
    retune,
    wrench_motion,
)
from robot_daemon.drivers.franka.shaping import spring_limits
from serl_api.values import FullCompliance, Pose
from tests.support.bounds import FREE

SERL = FullCompliance(
    translational_stiffness=1500.0,
    translational_damping=80.0,
    rotational_stiffness=75.0,
    rotational_damping=6.0,
    translational_clip_positive=(0.01, 0.02, 0.03),
    translational_clip_negative=(0.015, 0.005, 0.03),
    rotational_clip_positive=(0.1, 0.2, 0.3),
    rotational_clip_negative=(0.1, 0.3, 0.2),
    nullspace_stiffness=4.0,
)


def limits_of(compliance, torque):
    """The limits of a compliance alone: nothing else binds."""
    return spring_limits(compliance, torque, FREE, np.full(7, 100.0))


@pytest.fixture
def motion():
    return pose_motion(SERL, limits_of(SERL, np.full(7, 50.0)), np.arange(7) * 0.1, ARMS["fr3"], 0.1)


def test_gains_of_the_schema_are_gains_of_franky(motion):
    gains = motion.get_gains()
    np.testing.assert_array_equal(gains.stiffness, np.diag([1500.0] * 3 + [75.0] * 3))
    np.testing.assert_array_equal(gains.damping, np.diag([80.0] * 3 + [6.0] * 3))


def test_clips_of_franky_contain_both_directions(motion):
    np.testing.assert_array_equal(motion.params.translational_error_clip, (0.015, 0.02, 0.03))
    np.testing.assert_array_equal(motion.params.rotational_error_clip, (0.1, 0.3, 0.3))


def test_the_null_space_prefers_the_posture_gently(motion):
    (task,) = motion.params.nullspace_tasks
    np.testing.assert_array_equal(task.target, np.arange(7) * 0.1)
    gains = motion.get_nullspace_gains()
    np.testing.assert_array_equal(gains.posture_stiffness, 4.0)
    np.testing.assert_array_equal(gains.posture_damping, 4.0)  # Critical.
    assert gains.posture_max_torque is task.max_torque is None  # The steering bounds it along the null space.
    assert task.stiffness.tolist() == [0.0] * 7  # It fades in.


def test_torques_change_by_a_newton_metre_a_cycle_at_most(motion):
    assert motion.params.safety.max_delta_tau == 1.0


def test_joints_are_pushed_away_from_their_limits(motion):
    np.testing.assert_array_equal(motion.params.safety.lower_joint_limits, ARMS["fr3"].lower)
    np.testing.assert_array_equal(motion.params.safety.upper_joint_limits, ARMS["fr3"].upper)


def test_gains_change_while_clips_stay(motion):
    retune(motion, FullCompliance(translational_stiffness=300.0, translational_damping=20.0, nullspace_stiffness=9.0))
    assert motion.get_gains().stiffness[0, 0] == 300.0
    assert motion.get_gains().damping[0, 0] == 20.0
    np.testing.assert_array_equal(motion.get_nullspace_gains().posture_stiffness, 9.0)
    np.testing.assert_array_equal(motion.params.translational_error_clip, (0.015, 0.02, 0.03))


@pytest.mark.parametrize("value", [0.0, 1e-9])
def test_the_softest_compliance_of_the_schema_is_accepted(value):
    soft = FullCompliance(
        translational_stiffness=0.0, translational_damping=0.0, rotational_stiffness=0.0, rotational_damping=0.0,
        nullspace_stiffness=value,
    )  # fmt: skip
    pose_motion(soft, limits_of(soft, np.full(7, 50.0)), np.zeros(7), ARMS["panda"], 0.1)


def test_a_reference_is_the_pose_itself():
    turn = np.array([0.5, -0.5, 0.5, 0.5])
    reference = pose_reference(Pose(np.array([0.3, -0.1, 0.2]), turn))
    np.testing.assert_allclose(reference.target.translation, (0.3, -0.1, 0.2))
    found = np.array(reference.target.quaternion)
    assert abs(found @ turn) == pytest.approx(1.0)
    assert reference.target_twist is None  # The damper acts on the whole velocity.


def test_joint_gains_are_handed_on():
    stiffness, damping = np.arange(1.0, 8.0) * 50.0, np.arange(1.0, 8.0)
    gains = joint_motion(stiffness, damping, ARMS["fr3"]).get_gains()
    np.testing.assert_array_equal(gains.stiffness, stiffness)
    np.testing.assert_array_equal(gains.damping, damping)


def test_a_wrench_motion_ends_when_nobody_feeds_it():
    motion = wrench_motion(np.full(7, 0.5), ARMS["fr3"])
    assert motion.params.signal_timeout == TORQUE_TIMEOUT_S <= 0.1
    assert motion.params.compensate_coriolis
    np.testing.assert_array_equal(motion.get_torque(), 0.5)
