"""What one side encodes the other decodes to the same value, and no field of a message is forgotten."""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass

import numpy as np
import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from serl.robot.v1 import control_pb2, geometry_pb2, observation_pb2, state_pb2

from serl_api import cell, enums, values
from serl_api.codec import cell as cell_codec
from serl_api.codec import control, geometry, observation, requests, state, times
from serl_api.rotation import normalized

numbers = st.floats(-1e3, 1e3)
rotations = st.tuples(*[st.floats(-1.0, 1.0)] * 4).filter(lambda q: math.hypot(*q) > 0.1).map(normalized)
triples = st.tuples(numbers, numbers, numbers)
poses = st.builds(lambda p, q: values.Pose(np.array(p), np.array(q)), triples, rotations)
wrenches = st.lists(numbers, min_size=6, max_size=6).map(lambda w: values.WrenchTarget(np.array(w)))
joints = st.lists(numbers, min_size=7, max_size=7).map(lambda q: values.JointTarget(np.array(q)))
grippers = st.builds(values.GripperTarget, width=numbers, speed=numbers, force=numbers)

POSE = values.Pose(np.array((0.1, 0.2, 0.3)), np.array((0.5, 0.5, -0.5, 0.5)))
FULL = values.FullCompliance(translational_stiffness=1234.0, rotational_clip_negative=(0.1, 0.2, 0.3))
CAMERA = cell.CameraInfo(
    name="wrist",
    model="fake",
    serial_number="7",
    width=128,
    height=96,
    rate_hz=30.0,
    delivering=True,
    has_depth=True,
    intrinsics=cell.CameraIntrinsics(fx=1.0, fy=2.0, cx=3.0, cy=4.0),
    mount_pose=POSE,
    mount="tcp",
)
ARM = cell.ArmInfo(
    model="panda",
    joint_lower=-np.arange(1.0, 8.0),
    joint_upper=np.arange(1.0, 8.0),
    joint_speed=np.full(7, 2.0),
    home=np.linspace(0.1, 0.7, 7),
    home_tcp_pose=POSE,
    control_modes=frozenset({enums.ControlMode.CARTESIAN_IMPEDANCE, enums.ControlMode.WRENCH}),
)
LIMITS = cell.Limits(
    workspace_lower=np.array((0.1, -0.2, 0.05)),
    workspace_upper=np.array((0.7, 0.2, 0.5)),
    workspace_orientation_xyzw=np.array((0.5, 0.5, 0.5, 0.5)),
    workspace_rotation=0.5,
    step_translation=0.125,
    step_rotation=0.25,
    force=30.0,
    torque=5.0,
    contact_force=100.0,
    min_period_s=0.002,
    max_period_s=1.5,
)
CELL = cell.CellInfo(
    cell_name="lab",
    daemon_version="1.2",
    boot_id="abc",
    backend=enums.Backend.SIMULATED,
    pacing=enums.Pacing.REAL_TIME,
    arm=ARM,
    gripper=cell.GripperInfo(model="hand", max_width=0.08, max_force=70.0, max_speed=0.1),
    cameras={"wrist": CAMERA},
    limits=LIMITS,
    command_timeout_s=0.5,
    task="pick-cube",
    default_compliance=values.Compliance(**vars(FULL)),
)
FAULT = values.Fault(
    id="camera_lost.wrist",
    source=enums.FaultSource.CAMERA,
    severity=enums.FaultSeverity.CRITICAL,
    onset_time_ns=5,
    text="the camera is gone; plug it in",
    clearable=True,
    black_box_path="/tmp/a.npz",
)
OBJECT = values.TrackedObject(name="cube", pose=POSE, twist=np.arange(1.0, 7.0), monotonic_time_ns=9, ground_truth=True)
GRIPPER = values.GripperState(width=0.03, target_width=0.02, motion=enums.GripperMotion.OBJECT_HELD, force=12.0)


def same(a, b):
    """Whether two values are equal in every bit, except that q and -q are one rotation."""
    if isinstance(a, values.Pose):
        return same(a.position, b.position) and abs(abs(np.dot(a.quaternion_xyzw, b.quaternion_xyzw)) - 1.0) < 1e-12
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, Mapping):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if is_dataclass(a):
        return type(a) is type(b) and all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    return a == b


def unset(message):
    """Names of the fields that a message and those inside it leave at their defaults."""
    found = {field.name for field in message.DESCRIPTOR.fields} - {field.name for field, _ in message.ListFields()}
    for field, value in message.ListFields():
        parts = [value] if isinstance(value, Message) else value if field.type == field.TYPE_MESSAGE else []
        found |= {f"{field.name}.{name}" for part in parts for name in unset(part)}
    return {name for name in found if not name.endswith((".seconds", ".nanos"))}


def written(write, message, value):
    write(message, value)
    return message


@given(poses)
def test_a_pose_asked_for_reaches_the_daemon(pose):
    assert same(requests.decode_pose(geometry.encode_pose(pose), "pose"), pose)


@given(poses)
def test_a_pose_answered_reaches_the_client_with_a_positive_scalar_part(pose):
    decoded = geometry.decode_pose(written(geometry.write_pose, geometry_pb2.Pose(), pose))
    assert same(decoded, pose)
    assert decoded.quaternion_xyzw[3] >= 0.0


@given(poses | joints | wrenches | st.none())
def test_the_target_of_a_step_reaches_the_daemon(target):
    decoded = requests.decode_step_target(written(control.write_target, control_pb2.Step(), target), 7)
    assert same(decoded, target)


@pytest.mark.parametrize("request_type", [control_pb2.Move, control_pb2.Reset])
@given(goal=poses | joints | st.none())
def test_a_goal_reaches_the_daemon(request_type, goal):
    message = written(control.write_target, request_type(), goal)
    assert same(requests.decode_goal(message, 7, "goal"), goal)


def test_a_wrench_is_no_goal():
    with pytest.raises(TypeError, match="a wrench is no goal"):
        control.write_target(control_pb2.Move(), values.WrenchTarget(np.zeros(6)))


@given(grippers)
def test_a_target_of_the_gripper_reaches_the_daemon(target):
    assert requests.decode_gripper(control.encode_gripper(target), "gripper") == target


@given(st.floats(0.0, 1e3), triples, st.lists(numbers, min_size=9, max_size=9))
def test_a_load_reaches_the_daemon(mass, center, inertia):
    load = values.Load(mass=mass, center_of_mass=center, inertia=tuple(inertia))
    assert requests.decode_load(control.encode_load(load)) == load


@given(st.integers(0, 10**10))
def test_a_period_reaches_the_daemon_to_the_nanosecond(period_ns):
    assert requests.decode_period_ns(times.encode_duration(period_ns * 1e-9)) == period_ns


@given(poses | joints | wrenches | st.none(), grippers | st.none())
def test_an_applied_target_reaches_the_client(target, gripper):
    message = control_pb2.Stepped()
    control.write_applied(message.applied_target, target, gripper)
    decoded = control.decode_step(message)
    assert same(decoded.applied_target, target)
    assert decoded.applied_gripper == gripper


def test_compliance_survives_both_ways():
    message = control.encode_compliance(FULL)
    assert unset(message) == set()
    asked = control.decode_compliance(message)
    assert requests.decode_compliance(control.encode_compliance(asked), values.FullCompliance()) == FULL


def test_an_empty_compliance_changes_nothing():
    present = values.FullCompliance(nullspace_stiffness=3.0)
    assert requests.decode_compliance(control_pb2.Compliance(), present) == present


def test_the_facts_of_a_cell_reach_the_client_whole():
    message = cell_codec.encode_cell_info(CELL)
    assert unset(message) == set()
    assert same(cell_codec.decode_cell_info(message), CELL)


def test_a_state_reaches_the_client_whole():
    message = state_pb2.RobotState(monotonic_time_ns=4, mode=state_pb2.ARM_MODE_HOLDING, stop_latched=True)
    times.write_wall_time(message.capture_time, 1_500_000_000)
    arm = values.ArmState(
        joint_positions=np.linspace(0.1, 0.7, 7),
        joint_velocities=np.linspace(1.1, 1.7, 7),
        joint_torques=np.linspace(2.1, 2.7, 7),
        external_joint_torques=np.linspace(3.1, 3.7, 7),
        tcp_pose=POSE,
        tcp_twist=np.arange(1.0, 7.0),
        external_wrench=np.arange(11.0, 17.0),
        jacobian=np.arange(1.0, 43.0).reshape(6, 7),
        command_success_rate=0.0,
    )
    state.write_arm_state(message, arm)
    state.write_gripper_state(message.gripper, GRIPPER)
    message.faults.append(state.encode_fault(FAULT, 7))
    assert unset(message) == {
        "control_holder",
        "control_session_number",
        "control_class",
        "applied_sequence_number",
        "applied_time_ns",
        "armed_estops",
    }
    decoded = state.decode_state(message)
    for field in fields(arm):
        assert same(getattr(arm, field.name), getattr(decoded, field.name)), field.name
    assert (decoded.gripper, decoded.faults) == (GRIPPER, (FAULT,))
    assert (decoded.monotonic_time_ns, decoded.capture_time_s) == (4, 1.5)
    assert (decoded.mode, decoded.stop_latched) == (enums.ArmMode.HOLDING, True)


def test_objects_offsets_and_clips_reach_the_client_whole():
    offset = values.SensorOffset("camera/wrist", -3, 5, missing=True)
    clip = values.Clip(enums.ClipKind.JOINT_STEP, 0.5)
    message = control_pb2.Stepped(clips=[control.encode_clip(clip)])
    observation.write_tracked_object(message.observation.tracked_objects.add(), OBJECT)
    observation.write_offset(message.observation.offsets.add(), offset)
    assert unset(message.observation.tracked_objects[0]) == unset(message.observation.offsets[0]) == set()
    assert unset(message.clips[0]) == set()
    decoded = control.decode_step(message)
    assert same(decoded.observation.tracked_objects, {"cube": OBJECT})
    assert decoded.observation.offsets == {"camera/wrist": offset}
    assert decoded.clips == (clip,)


def test_what_is_unknown_stays_unknown():
    still = values.TrackedObject(name="cube", pose=POSE, twist=None, monotonic_time_ns=9, ground_truth=False)
    message = observation_pb2.Observation()
    observation.write_tracked_object(message.tracked_objects.add(), still)
    state.write_gripper_state(message.state.gripper, values.GripperState(**{**vars(GRIPPER), "force": None}))
    decoded = observation.decode_observation(message)
    assert decoded.tracked_objects["cube"].twist is None
    assert decoded.state.gripper is not None
    assert decoded.state.gripper.force is None
    assert decoded.state.external_joint_torques is None
    assert decoded.state.command_success_rate is None
