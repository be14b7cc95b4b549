import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_daemon.config.cell_config import LimitsConfig
from robot_daemon.control.limits import Limits
from robot_daemon.drivers.fake.cell import build_fake_cell
from robot_daemon.hardware.devices import ArmSample
from serl_api.enums import ClipKind, ControlMode
from serl_api.errors.robot import LimitExceededError, NotEquippedError
from serl_api.rotation import angle_between, normalized
from serl_api.values import GripperTarget, JointTarget, Load, Pose, WrenchTarget

CELL = build_fake_cell().cell
CONFIG = LimitsConfig(workspace_rotation_rad=0.8, step_rotation_rad=0.3)
LIMITS = Limits(CONFIG, CELL.arm.info, CELL.gripper.info)
CENTER = CONFIG.workspace_orientation_xyzw

coordinate = st.floats(-2.0, 2.0)
points = st.tuples(coordinate, coordinate, coordinate)
rotations = st.tuples(*[st.floats(-1.0, 1.0)] * 4).filter(lambda q: math.hypot(*q) > 0.1).map(lambda q: normalized(q))


def state(position=(0.4, 0.0, 0.25), quaternion=CENTER, joints=None):
    return ArmSample(
        time_ns=0,
        joint_positions=np.zeros(7) if joints is None else joints,
        joint_velocities=np.zeros(7),
        joint_torques=np.zeros(7),
        external_joint_torques=None,
        tcp_pose=Pose(np.array(position), np.array(quaternion)),
        tcp_twist=np.zeros(6),
        external_wrench=np.zeros(6),
        jacobian=np.zeros((6, 7)),
    )


def target(position=(0.4, 0.0, 0.25), quaternion=CENTER):
    return Pose(np.array(position), np.array(quaternion))


def quaternion_of(value):
    return tuple(value.quaternion_xyzw.tolist())


@given(points, rotations, points, rotations)
def test_clipping_a_clipped_pose_changes_nothing(asked, asked_turn, measured, measured_turn):
    where = state(measured, measured_turn)
    once, _ = LIMITS.clip_tcp(target(asked, asked_turn), where)
    twice, _ = LIMITS.clip_tcp(once, where)
    assert np.allclose(twice.position, once.position, rtol=0, atol=1e-12)
    assert angle_between(quaternion_of(twice), quaternion_of(once)) < 1e-6


@given(points, rotations, points, rotations)
def test_a_clipped_pose_is_within_a_step_of_the_measured_one(asked, asked_turn, measured, measured_turn):
    clipped, _ = LIMITS.clip_tcp(target(asked, asked_turn), state(measured, measured_turn))
    assert math.dist(clipped.position, measured) <= CONFIG.step_translation_m + 1e-9
    assert angle_between(quaternion_of(clipped), measured_turn) <= CONFIG.step_rotation_rad + 1e-6


@given(points, rotations, rotations)
def test_from_inside_the_workspace_a_clipped_pose_stays_inside(asked, asked_turn, measured_turn):
    inside = LIMITS._into_turn(measured_turn)
    clipped, _ = LIMITS.clip_tcp(target(asked, asked_turn), state(quaternion=inside))
    assert (clipped.position >= np.array(CONFIG.workspace_lower_m) - 1e-12).all()
    assert (clipped.position <= np.array(CONFIG.workspace_upper_m) + 1e-12).all()
    assert angle_between(quaternion_of(clipped), CENTER) <= CONFIG.workspace_rotation_rad + 1e-6


@given(points, rotations)
def test_from_far_outside_the_target_leads_straight_back(asked, asked_turn):
    measured = (1.5, 0.0, 0.25)
    clipped, clips = LIMITS.clip_tcp(target(asked, asked_turn), state(measured))
    assert clipped.position == pytest.approx([1.5 - CONFIG.step_translation_m, 0.0, 0.25])
    assert ClipKind.STEP_TRANSLATION in [clip.kind for clip in clips]


def test_the_sign_of_a_quaternion_does_not_matter():
    turned = normalized((1.0, 0.1, 0.0, 0.0))
    one, _ = LIMITS.clip_tcp(target(quaternion=turned), state())
    other, clips = LIMITS.clip_tcp(target(quaternion=tuple(-value for value in turned)), state())
    assert clips == []
    assert angle_between(quaternion_of(one), quaternion_of(other)) < 1e-9


def test_a_target_inside_every_limit_is_the_same_object():
    asked = target((0.42, 0.0, 0.25))
    assert LIMITS.clip_tcp(asked, state()) == (asked, [])


def test_each_clip_says_by_how_much():
    _, clips = LIMITS.clip_tcp(target((0.4, 0.0, -0.1)), state((0.4, 0.0, 0.25)))
    assert [(clip.kind, round(clip.excess, 9)) for clip in clips] == [
        (ClipKind.WORKSPACE_POSITION, 0.1),
        (ClipKind.STEP_TRANSLATION, 0.25 - CONFIG.step_translation_m),
    ]


@given(st.lists(st.floats(-10, 10), min_size=7, max_size=7), st.lists(st.floats(-4, 4), min_size=7, max_size=7))
def test_clipping_clipped_joints_changes_nothing(asked, measured):
    where = state(joints=np.array(measured))
    once, _ = LIMITS.clip_joints(JointTarget(positions=np.array(asked)), where, 0.05)
    twice, _ = LIMITS.clip_joints(once, where, 0.05)
    assert np.allclose(once.positions, twice.positions, rtol=0, atol=1e-12)
    assert (np.abs(once.positions - where.joint_positions) <= CELL.arm.info.joint_speed * 0.05 + 1e-12).all()


@given(st.lists(st.floats(-500, 500), min_size=6, max_size=6))
def test_clipping_a_clipped_wrench_changes_nothing(values):
    once, _ = LIMITS.clip_wrench(WrenchTarget(wrench=np.array(values)))
    twice, clips = LIMITS.clip_wrench(once)
    assert clips == []
    assert twice is once
    assert np.linalg.norm(once.wrench[:3]) <= CONFIG.force_n * (1 + 1e-9)


@given(st.floats(-1, 1), st.floats(0, 10), st.floats(0, 500))
def test_clipping_a_clipped_gripper_target_changes_nothing(width, speed, force):
    once, _ = LIMITS.clip_gripper(GripperTarget(width=width, speed=speed, force=force))
    assert LIMITS.clip_gripper(once) == (once, [])
    assert 0.0 <= once.width <= CELL.gripper.info.max_width


@pytest.mark.parametrize("period_s", [0.0, -1.0, math.nan, math.inf, 1.1])
def test_a_period_outside_its_bounds_is_refused(period_s):
    with pytest.raises(LimitExceededError, match=r"step\.period"):
        LIMITS.require_period(period_s)


def test_a_goal_outside_names_its_component():
    with pytest.raises(LimitExceededError, match=r"move\.tcp_pose\.position\.x is 0\.9 m, outside 0\.2 to 0\.7 m"):
        LIMITS.require_tcp_goal(target((0.9, 0.0, 0.25)), "move.tcp_pose")


def test_a_goal_turned_too_far_is_refused():
    with pytest.raises(LimitExceededError, match="orientation"):
        LIMITS.require_tcp_goal(target(quaternion=(0.0, 0.0, 0.0, 1.0)), "move.tcp_pose")


class TestJointsAndTheBox:
    LIMITS = Limits(LimitsConfig(), CELL.arm.info, CELL.gripper.info, CELL.arm.parts)

    def test_a_target_that_leads_out_of_the_box_is_cut_before_it(self):
        asked = JointTarget(positions=np.array([2.0, 0, 0, 0, 0, 0, 0]))  # The fake arm's first joint moves x.
        clipped, clips = self.LIMITS.clip_joints(asked, state(), 1.0)
        assert 0.6 < 0.4 + 0.25 * clipped.positions[0] <= 0.705
        assert ClipKind.WORKSPACE_POSITION in [clip.kind for clip in clips]

    def test_a_goal_outside_is_refused_with_the_part_that_leaves(self):
        goal = JointTarget(positions=np.array([2.0, 0, 0, 0, 0, 0, 0]))
        with pytest.raises(
            LimitExceededError, match=r"move\.joint_positions leads the tcp 0\.200 m too far: it leaves"
        ):
            self.LIMITS.require_joint_goal(goal, "move.joint_positions")

    def test_a_way_that_leads_out_is_refused(self):
        goal = JointTarget(positions=np.array([2.0, 0, 0, 0, 0, 0, 0]))
        with pytest.raises(LimitExceededError, match="choose a goal or a way inside"):
            self.LIMITS.require_free_way(goal, state(), "reset.joint_positions")


class TestModes:
    def test_wrenches_are_off_unless_the_cells_file_turns_them_on(self):
        limits = Limits(LimitsConfig(), CELL.arm.info, None)
        assert ControlMode.WRENCH not in limits.control_modes
        with pytest.raises(NotEquippedError, match=r"set wrench_control = true in \[limits\]"):
            limits.require_mode(ControlMode.WRENCH)
        Limits(LimitsConfig(wrench_control=True), CELL.arm.info, None).require_mode(ControlMode.WRENCH)

    def test_wrenches_stay_off_for_an_arm_that_keeps_no_bounds(self):
        limits = Limits(LimitsConfig(wrench_control=True), CELL.arm.info, None)
        limits.forbid_wrenches()
        with pytest.raises(NotEquippedError, match="keeps no bounds"):
            limits.require_mode(ControlMode.WRENCH)

    def test_a_wrench_may_not_last_longer_than_its_timeout(self):
        LIMITS.require_wrench_period(0.1)
        with pytest.raises(LimitExceededError, match="a wrench must be renewed this often"):
            LIMITS.require_wrench_period(0.2)


@pytest.mark.parametrize(
    ("load", "sentence"),
    [
        ({"mass": 50.0}, "set_load.mass_kg is 50 kg, outside 0 to 3 kg; give what hangs on the flange"),
        ({"mass": 1e9}, "set_load.mass_kg is 1e+09 kg"),
        ({"center_of_mass": (0.0, 0.0, 2.0)}, "set_load.center_of_mass_m is 2 m, outside -0.5 to 0.5 m"),
        ({"inertia": (9.0,) + (0.0,) * 8}, "set_load.inertia_kg_m2 is 9 kg m^2, outside -0.75 to 0.75"),
    ],
)
def test_a_load_that_the_arm_cannot_carry_is_refused(load, sentence):
    plain = {"mass": 1.0, "center_of_mass": (0.0, 0.0, 0.1), "inertia": (0.0,) * 9}
    LIMITS.require_load(Load(**plain))
    with pytest.raises(LimitExceededError) as caught:
        LIMITS.require_load(Load(**(plain | load)))
    assert str(caught.value).startswith(sentence)
