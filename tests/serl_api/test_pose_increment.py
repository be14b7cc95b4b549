"""Increments on poses, alone and over the wire."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from serl.robot.v1 import control_pb2, geometry_pb2

from serl_api.codec import control, requests
from serl_api.enums import IncrementBase
from serl_api.errors.robot import InvalidTargetError, LimitExceededError
from serl_api.keep_out import KeepOut
from serl_api.pose_box import PoseBox
from serl_api.pose_increment import PoseIncrement
from serl_api.values import Pose

DOWN = np.array((1.0, 0.0, 0.0, 0.0))
BASE = Pose(np.array((0.4, 0.1, 0.2)), DOWN)
BOX = PoseBox(center=BASE, lower=(-0.01, -0.02, 0.0), upper=(0.01, 0.02, 0.03), rotation=(0.1, 0.1, 0.3))
triples = st.tuples(*[st.floats(-1.0, 1.0)] * 3).map(np.array)


@given(triples, triples)
def test_a_rotation_turns_about_base_axes_on_top_of_the_base_pose(translation, turn):
    result = PoseIncrement(translation=translation, rotation=turn).on(BASE)
    np.testing.assert_array_equal(result.position, BASE.position + translation)
    expected = Rotation.from_rotvec(turn) * Rotation.from_quat(DOWN)
    assert (expected * Rotation.from_quat(result.quaternion_xyzw).inv()).magnitude() < 1e-9


@given(triples)
def test_without_a_rotation_the_orientation_is_the_base_pose_s_or_the_one_that_is_given(translation):
    kept = PoseIncrement(translation=translation).on(BASE)
    np.testing.assert_array_equal(kept.quaternion_xyzw, BASE.quaternion_xyzw)
    other = np.array((0.0, 1.0, 0.0, 0.0))
    given_one = PoseIncrement(translation=translation, quaternion_xyzw=other).on(BASE)
    np.testing.assert_array_equal(given_one.quaternion_xyzw, other)


@given(triples, triples)
def test_a_box_bounds_the_result(translation, turn):
    result = PoseIncrement(translation=translation, rotation=turn, box=BOX).on(BASE)
    expected = BOX.clip(PoseIncrement(translation=translation, rotation=turn).on(BASE))
    np.testing.assert_allclose(result.position, expected.position, atol=1e-12)
    np.testing.assert_allclose(result.quaternion_xyzw, expected.quaternion_xyzw, atol=1e-12)


def test_what_is_kept_out_of_bounds_the_result_after_the_box():
    keep_out = KeepOut(lower=(0.395, 0.105, 0.0), upper=(0.5, 0.2, 0.3))
    result = PoseIncrement(translation=np.array((0.0, 0.5, 0.5)), box=BOX, keep_out=keep_out).on(BASE)
    np.testing.assert_allclose(result.position, BASE.position + np.array((0.0, 0.005, 0.03)))


@pytest.mark.parametrize(
    "increment",
    [
        PoseIncrement(translation=np.array((0.01, -0.02, 0.03))),
        PoseIncrement(translation=np.zeros(3), rotation=np.array((0.1, 0.2, -0.3)), box=BOX),
        PoseIncrement(translation=np.ones(3), quaternion_xyzw=DOWN, added_to=IncrementBase.COMMANDED),
        PoseIncrement(translation=np.full(3, 0.5), keep_out=KeepOut(lower=(0.5, 0.0, 0.0), upper=(1.0, 1.0, 1.0))),
    ],
    ids=["plain", "turning-in-a-box", "kept-orientation", "keeping-out"],
)
def test_it_comes_through_the_wire_to_the_bit(increment):
    step = control_pb2.Step()
    control.write_target(step, increment)
    found = requests.decode_step_target(control_pb2.Step.FromString(step.SerializeToString()), 7)
    assert isinstance(found, PoseIncrement)
    assert found.added_to is increment.added_to
    there, here = found.on(BASE), increment.on(BASE)
    np.testing.assert_array_equal(there.position, here.position)
    np.testing.assert_array_equal(there.quaternion_xyzw, here.quaternion_xyzw)


def test_both_a_rotation_and_an_orientation_are_refused_before_they_are_sent():
    both = PoseIncrement(translation=np.zeros(3), rotation=np.zeros(3), quaternion_xyzw=DOWN)
    with pytest.raises(ValueError, match="not both"):
        control.write_target(control_pb2.Step(), both)


def test_it_is_no_goal_to_move_to():
    with pytest.raises(TypeError, match="an increment is no goal"):
        control.write_target(control_pb2.Move(), PoseIncrement(translation=np.zeros(3)))


def vector(x=0.0, y=0.0, z=0.0):
    return geometry_pb2.Vector3(x=x, y=y, z=z)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (control_pb2.PoseIncrement(translation_m=vector(math.nan)), "pose_increment.translation_m is"),
        (control_pb2.PoseIncrement(rotation_rad=vector(y=math.inf)), "pose_increment.rotation_rad is"),
        (control_pb2.PoseIncrement(orientation=geometry_pb2.Quaternion(x=0.5)), "pose_increment.orientation has norm"),
        (control_pb2.PoseIncrement(box=control_pb2.PoseBox()), "pose_increment.box.center.position is absent"),
        (
            control_pb2.PoseIncrement(
                box=control_pb2.PoseBox(center=control.encode_pose(BASE), lower_m=vector(1.0), upper_m=vector())
            ),
            "pose_increment.box has no inside: the lower bounds",
        ),
        (
            control_pb2.PoseIncrement(
                box=control_pb2.PoseBox(center=control.encode_pose(BASE), rotation_rad=vector(-1.0))
            ),
            "pose_increment.box has no inside: the bounds",
        ),
        (
            control_pb2.PoseIncrement(keep_out=control_pb2.KeepOutBox(lower_m=vector(), upper_m=vector(1.0, 1.0))),
            "pose_increment.keep_out has no inside: the lower bounds",
        ),
    ],
    ids=[
        "nan",
        "infinite-turn",
        "short-quaternion",
        "box-without-centre",
        "empty-box",
        "negative-turn",
        "flat-keep-out",
    ],
)
def test_what_no_limit_can_repair_is_one_sentence(message, said):
    with pytest.raises(InvalidTargetError, match=said):
        requests.decode_step_target(control_pb2.Step(pose_increment=message), 7)


@pytest.mark.parametrize("turn", [1e308, -7.0])
def test_a_rotation_beyond_a_whole_turn_is_refused(turn):
    message = control_pb2.PoseIncrement(rotation_rad=geometry_pb2.Vector3(z=turn))
    with pytest.raises(LimitExceededError, match=r"step\.pose_increment\.rotation_rad"):
        requests.decode_increment(message, "step.pose_increment")
