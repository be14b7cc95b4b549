"""Each decoder against a message filled by hand; `tests/proto/test_codec_inverse.py` ties encoders to them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from serl.robot.v1 import control_pb2, geometry_pb2, observation_pb2, state_pb2

from serl_api.codec import control, geometry, observation, times
from serl_api.codec import state as state_codec
from serl_api.enums import ArmMode, ClipKind, GripperMotion, PixelEncoding
from serl_api.values import Compliance, GripperTarget, JointTarget, Pose, WrenchTarget

finite = st.floats(-1e6, 1e6)
triples = st.tuples(finite, finite, finite)
compliances = st.builds(
    Compliance,
    translational_stiffness=st.none() | finite,
    rotational_damping=st.none() | finite,
    nullspace_stiffness=st.none() | finite,
    translational_clip_positive=st.none() | triples,
    rotational_clip_negative=st.none() | triples,
)


@given(st.integers(-(10**12), 10**12))
def test_durations_survive_to_the_nanosecond(nanoseconds):
    message = times.encode_duration(nanoseconds * 1e-9)
    assert message.seconds * message.nanos >= 0
    assert times.decode_duration(message) == pytest.approx(nanoseconds * 1e-9, abs=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_duration_that_is_not_finite_is_refused(bad):
    with pytest.raises(ValueError, match="finite"):
        times.encode_duration(bad)


def test_components_keep_their_order():
    message = geometry.encode_pose(Pose(np.array((1.0, 2.0, 3.0)), np.array((0.1, 0.2, 0.3, 0.9))))
    assert (message.position.x, message.position.y, message.position.z) == (1.0, 2.0, 3.0)
    assert (message.orientation.x, message.orientation.w) == (0.1, 0.9)


@pytest.mark.parametrize(("position", "quaternion"), [(np.zeros(2), np.zeros(4)), (np.zeros(3), np.zeros(3))])
def test_a_pose_of_the_wrong_shape_is_refused_before_it_is_sent(position, quaternion):
    with pytest.raises(ValueError, match="shape"):
        geometry.encode_pose(Pose(position, quaternion))


@given(compliances)
def test_compliance_survives_with_what_was_left_out(compliance):
    assert control.decode_compliance(control.encode_compliance(compliance)) == compliance


@given(st.lists(finite, max_size=10))
def test_joint_targets_of_any_length_are_sent(positions):
    assert list(control.encode_joints(JointTarget(np.array(positions))).positions_rad) == positions


def test_a_wrench_needs_six_numbers():
    assert control.encode_wrench(WrenchTarget(np.arange(6.0))).torque.z == 5.0
    with pytest.raises(ValueError, match="shape"):
        control.encode_wrench(WrenchTarget(np.zeros(3)))


def test_twist_and_wrench_keep_their_halves_in_order():
    linear, angular = geometry_pb2.Vector3(x=1, y=2, z=3), geometry_pb2.Vector3(x=4, y=5, z=6)
    twist = geometry.decode_twist(geometry_pb2.Twist(linear=linear, angular=angular))
    wrench = geometry.decode_wrench(geometry_pb2.Wrench(force=linear, torque=angular))
    assert twist.tolist() == wrench.tolist() == [1, 2, 3, 4, 5, 6]


def state_message():
    return state_pb2.RobotState(
        monotonic_time_ns=5,
        joint_positions_rad=range(7),
        joint_velocities_rad_per_s=range(7),
        joint_torques_nm=range(7),
        jacobian=range(42),
        gripper=state_pb2.GripperState(width_m=0.03, motion=state_pb2.GRIPPER_MOTION_OBJECT_HELD),
        mode=state_pb2.ARM_MODE_HOLDING,
        faults=[state_pb2.Fault(id="camera_lost.wrist", severity=state_pb2.FAULT_SEVERITY_WARNING)],
        control_holder="ada",
    )


def test_a_state_is_decoded_whole():
    state = state_codec.decode_state(state_message())
    assert state.mode is ArmMode.HOLDING
    assert state.joint_positions.dtype == np.float64
    assert state.jacobian.shape == (6, 7)
    assert state.jacobian[1, 0] == 7.0
    assert state.external_joint_torques is None
    assert state.gripper is not None
    assert state.gripper.motion is GripperMotion.OBJECT_HELD
    assert state.gripper.force is None
    assert state.faults[0].id == "camera_lost.wrist"


def test_a_cell_without_gripper_has_none():
    message = state_message()
    message.ClearField("gripper")
    assert state_codec.decode_state(message).gripper is None


def test_a_frame_gives_its_pixels():
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    message = observation_pb2.Frame(
        camera="front", encoding=observation_pb2.PIXEL_ENCODING_RGB8, width_px=4, height_px=2, data=pixels.tobytes()
    )
    frame = observation.decode_frame(message)
    np.testing.assert_array_equal(frame.rgb, pixels)
    assert frame.depth is None


def test_an_encoded_frame_has_no_pixels():
    frame = observation.decode_frame(observation_pb2.Frame(camera="front", encoding=observation_pb2.PIXEL_ENCODING_PNG))
    assert frame.encoding is PixelEncoding.PNG
    with pytest.raises(ValueError, match="PNG"):
        _ = frame.rgb


def test_depth_is_little_endian():
    depth = observation_pb2.DepthImage(width_px=2, height_px=1, data=b"\x01\x00\x00\x01", depth_scale_m=0.001)
    frame = observation.decode_frame(observation_pb2.Frame(depth=depth))
    assert frame.depth is not None
    assert frame.depth.values.tolist() == [[1, 256]]


def test_a_step_reports_what_was_applied():
    message = control_pb2.Stepped(
        applied_target=control_pb2.AppliedTarget(
            joint_positions=control_pb2.JointTarget(positions_rad=[1, 2]),
            gripper=control_pb2.GripperTarget(width_m=0.1),
        ),
        clips=[control_pb2.Clip(kind=control_pb2.CLIP_KIND_JOINT_STEP, excess=0.5)],
        overrun_ns=3,
    )
    result = control.decode_step(message)
    assert isinstance(result.applied_target, JointTarget)
    assert result.applied_gripper == GripperTarget(width=0.1)
    assert [(clip.kind, clip.excess) for clip in result.clips] == [(ClipKind.JOINT_STEP, 0.5)]
    assert control.decode_step(control_pb2.Stepped()).applied_target is None
