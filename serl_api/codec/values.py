"""Messages to values and back. The functions on the path of a `Step` build messages directly."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import numpy as np
from google.protobuf import duration_pb2, timestamp_pb2
from serl.robot.v1 import control_pb2, geometry_pb2, observation_pb2, state_pb2

from serl_api.codec.lazy import lazy_decoder
from serl_api.enums import (
    ArmMode,
    ClipKind,
    FaultSeverity,
    FaultSource,
    GripperMotion,
    MotionOutcome,
    PixelEncoding,
    StampSource,
)
from serl_api.values import (
    Clip,
    Compliance,
    DepthImage,
    Fault,
    FloatArray,
    Frame,
    GripperState,
    GripperTarget,
    JointTarget,
    MotionProgress,
    Observation,
    Pose,
    RobotState,
    SensorOffset,
    StepResult,
    Target,
    TrackedObject,
    Triple,
    WrenchTarget,
)

_COMPLIANCE_SCALARS = {
    "translational_stiffness": "translational_stiffness_n_per_m",
    "translational_damping": "translational_damping_ns_per_m",
    "rotational_stiffness": "rotational_stiffness_nm_per_rad",
    "rotational_damping": "rotational_damping_nms_per_rad",
    "nullspace_stiffness": "nullspace_stiffness_nm_per_rad",
}
_COMPLIANCE_VECTORS = {
    "translational_clip_positive": "translational_clip_positive_m",
    "translational_clip_negative": "translational_clip_negative_m",
    "rotational_clip_positive": "rotational_clip_positive_rad",
    "rotational_clip_negative": "rotational_clip_negative_rad",
}


def _numbers(field: Collection[float]) -> FloatArray:
    return np.fromiter(field, np.float64, len(field))  # Three times as fast as np.array on a repeated field.


def encode_duration(seconds: float) -> duration_pb2.Duration:
    """Rounded to 1 ns.

    Raises:
        ValueError: It is not finite.
    """
    if not np.isfinite(seconds):
        raise ValueError(f"a duration of {seconds} s cannot be sent; it must be finite")
    whole, nanos = divmod(round(seconds * 1e9), 1_000_000_000)
    if whole < 0 and nanos > 0:  # Both halves of a negative duration must be negative.
        whole, nanos = whole + 1, nanos - 1_000_000_000
    return duration_pb2.Duration(seconds=whole, nanos=nanos)


def decode_duration(message: duration_pb2.Duration) -> float:
    """In s."""
    return message.seconds + message.nanos * 1e-9


def decode_timestamp(message: timestamp_pb2.Timestamp) -> float:
    """In s since the Unix epoch."""
    return message.seconds + message.nanos * 1e-9


def encode_vector(vector: Sequence[float] | FloatArray) -> geometry_pb2.Vector3:
    """Three numbers of any unit.

    Raises:
        ValueError: There are not three.
    """
    if len(vector) != 3:
        raise ValueError(f"a vector has {len(vector)} components; it must have 3: x, y, z")
    x, y, z = vector
    return geometry_pb2.Vector3(x=x, y=y, z=z)


def decode_vector(message: geometry_pb2.Vector3) -> FloatArray:
    """Shape (3,)."""
    return np.array((message.x, message.y, message.z))


def decode_triple(message: geometry_pb2.Vector3) -> Triple:
    """Three numbers."""
    return message.x, message.y, message.z


def decode_quaternion(message: geometry_pb2.Quaternion) -> FloatArray:
    """Shape (4,), xyzw."""
    return np.array((message.x, message.y, message.z, message.w))


def encode_pose(pose: Pose) -> geometry_pb2.Pose:
    """Shapes are checked here; NaN and norm are the daemon's to refuse.

    Raises:
        ValueError: Position or quaternion has a wrong shape.
    """
    position, quaternion = np.asarray(pose.position), np.asarray(pose.quaternion_xyzw)
    if position.shape != (3,) or quaternion.shape != (4,):
        raise ValueError(
            f"a pose needs a position of shape (3,) and an xyzw quaternion of shape (4,), "
            f"not {position.shape} and {quaternion.shape}"
        )
    x, y, z = position.tolist()
    qx, qy, qz, qw = quaternion.tolist()
    return geometry_pb2.Pose(
        position=geometry_pb2.Vector3(x=x, y=y, z=z),
        orientation=geometry_pb2.Quaternion(x=qx, y=qy, z=qz, w=qw),
    )


def decode_pose(message: geometry_pb2.Pose) -> Pose:
    """Pose in the frame that the field names."""
    position, orientation = message.position, message.orientation
    return Pose(
        np.array((position.x, position.y, position.z)),
        np.array((orientation.x, orientation.y, orientation.z, orientation.w)),
    )


def decode_twist(message: geometry_pb2.Twist) -> FloatArray:
    """Shape (6,): m/s, rad/s."""
    linear, angular = message.linear, message.angular
    return np.array((linear.x, linear.y, linear.z, angular.x, angular.y, angular.z))


def decode_wrench(message: geometry_pb2.Wrench) -> FloatArray:
    """Shape (6,): N, Nm."""
    force, torque = message.force, message.torque
    return np.array((force.x, force.y, force.z, torque.x, torque.y, torque.z))


def encode_joints(target: JointTarget) -> control_pb2.JointTarget:
    """Any length; the daemon refuses a wrong one."""
    return control_pb2.JointTarget(positions_rad=np.asarray(target.positions, float).ravel().tolist())


def encode_wrench(target: WrenchTarget) -> geometry_pb2.Wrench:
    """Shape (6,).

    Raises:
        ValueError: The shape is another.
    """
    wrench = np.asarray(target.wrench, float)
    if wrench.shape != (6,):
        raise ValueError(f"a wrench needs shape (6,): force, torque; not {wrench.shape}")
    return geometry_pb2.Wrench(force=encode_vector(wrench[:3].tolist()), torque=encode_vector(wrench[3:].tolist()))


def encode_gripper(target: GripperTarget) -> control_pb2.GripperTarget:
    """Width, speed and force."""
    return control_pb2.GripperTarget(width_m=target.width, speed_m_per_s=target.speed, force_n=target.force)


def decode_gripper_target(message: control_pb2.GripperTarget) -> GripperTarget:
    """Width, speed and force."""
    return GripperTarget(width=message.width_m, speed=message.speed_m_per_s, force=message.force_n)


def encode_compliance(compliance: Compliance) -> control_pb2.Compliance:
    """Fields that are None stay absent."""
    message = control_pb2.Compliance()
    for name, field in _COMPLIANCE_SCALARS.items():
        if (value := getattr(compliance, name)) is not None:
            setattr(message, field, value)
    for name, field in _COMPLIANCE_VECTORS.items():
        if (value := getattr(compliance, name)) is not None:
            getattr(message, field).CopyFrom(encode_vector(value))
    return message


def decode_compliance(message: control_pb2.Compliance) -> Compliance:
    """Absent fields become None."""
    fields: dict[str, Any] = {n: getattr(message, f) for n, f in _COMPLIANCE_SCALARS.items() if message.HasField(f)}
    for name, field in _COMPLIANCE_VECTORS.items():
        if message.HasField(field):
            fields[name] = decode_triple(getattr(message, field))
    return Compliance(**fields)


def decode_fault(message: state_pb2.Fault) -> Fault:
    """One fault."""
    return Fault(
        id=message.id,
        source=FaultSource(message.source),
        severity=FaultSeverity(message.severity),
        onset_time_ns=message.onset_time_ns,
        text=message.text,
        clearable=message.clearable,
        black_box_path=message.black_box_path,
    )


def decode_faults(messages: Iterable[state_pb2.Fault]) -> tuple[Fault, ...]:
    """In the order given."""
    return tuple(decode_fault(message) for message in messages)


def _decode_gripper_state(message: state_pb2.GripperState) -> GripperState:
    return GripperState(
        width=message.width_m,
        target_width=message.target_width_m,
        motion=GripperMotion(message.motion),
        force=message.force_n if message.HasField("force_n") else None,
    )


decode_state: Callable[[state_pb2.RobotState], RobotState] = lazy_decoder(
    RobotState,
    {
        "monotonic_time_ns": lambda message: message.monotonic_time_ns,
        "capture_time_s": lambda message: decode_timestamp(message.capture_time),
        "joint_positions": lambda message: _numbers(message.joint_positions_rad),
        "joint_velocities": lambda message: _numbers(message.joint_velocities_rad_per_s),
        "joint_torques": lambda message: _numbers(message.joint_torques_nm),
        "external_joint_torques": lambda message: _numbers_if_any(message.external_joint_torques_nm),
        "tcp_pose": lambda message: decode_pose(message.tcp_pose),
        "tcp_twist": lambda message: decode_twist(message.tcp_twist),
        "external_wrench": lambda message: decode_wrench(message.external_wrench),
        "jacobian": lambda message: _numbers(message.jacobian).reshape(6, -1),
        "gripper": lambda message: _decode_gripper_state(message.gripper) if message.HasField("gripper") else None,
        "mode": lambda message: ArmMode(message.mode),
        "faults": lambda message: decode_faults(message.faults),
        "stop_latched": lambda message: message.stop_latched,
        "control_holder": lambda message: message.control_holder,
        "applied_sequence_number": lambda message: message.applied_sequence_number,
        "applied_time_ns": lambda message: message.applied_time_ns,
    },
)
"""One state; its fields are decoded when they are first read."""


def _numbers_if_any(values: Any) -> FloatArray | None:  # noqa: ANN401
    return _numbers(values) if values else None


def _decode_depth(message: observation_pb2.DepthImage) -> DepthImage:
    values = np.frombuffer(message.data, "<u2").reshape(message.height_px, message.width_px)
    return DepthImage(values=values, scale_m=message.depth_scale_m)


def decode_frame(message: observation_pb2.Frame) -> Frame:
    """One frame."""
    return Frame(
        camera=message.camera,
        encoding=PixelEncoding(message.encoding),
        width=message.width_px,
        height=message.height_px,
        data=message.data,
        exposure_time_ns=message.exposure_time_ns,
        receive_time_ns=message.receive_time_ns,
        frame_number=message.frame_number,
        stamp_source=StampSource(message.stamp_source),
        depth=_decode_depth(message.depth) if message.HasField("depth") else None,
    )


def decode_tracked_object(message: observation_pb2.TrackedObject) -> TrackedObject:
    """One object."""
    return TrackedObject(
        name=message.name,
        pose=decode_pose(message.pose),
        twist=decode_twist(message.twist) if message.HasField("twist") else None,
        monotonic_time_ns=message.monotonic_time_ns,
        ground_truth=message.ground_truth,
    )


def _decode_offset(message: observation_pb2.SensorOffset) -> SensorOffset:
    return SensorOffset(
        sensor=message.sensor,
        offset_ns=message.offset_ns,
        tolerance_ns=message.tolerance_ns,
        missing=message.missing,
    )


decode_observation: Callable[[observation_pb2.Observation], Observation] = lazy_decoder(
    Observation,
    {
        "reference_time_ns": lambda message: message.reference_time_ns,
        "capture_time_s": lambda message: decode_timestamp(message.capture_time),
        "state": lambda message: decode_state(message.state),
        "frames": lambda message: {frame.camera: decode_frame(frame) for frame in message.frames},
        "tracked_objects": lambda message: {item.name: decode_tracked_object(item) for item in message.tracked_objects},
        "offsets": lambda message: {offset.sensor: _decode_offset(offset) for offset in message.offsets},
        "synchronized": lambda message: message.synchronized,
        "episode_number": lambda message: message.episode_number,
        "step_index": lambda message: message.step_index,
    },
)
"""One snapshot; its fields are decoded when they are first read."""


def _decode_applied(message: control_pb2.AppliedTarget) -> Target | None:
    match message.WhichOneof("target"):
        case "tcp_pose":
            return decode_pose(message.tcp_pose)
        case "joint_positions":
            return JointTarget(_numbers(message.joint_positions.positions_rad))
        case "wrench":
            return WrenchTarget(decode_wrench(message.wrench))
        case _:
            return None


def decode_step(message: control_pb2.Stepped) -> StepResult:
    """The end of a control period."""
    applied = message.applied_target
    return StepResult(
        observation=decode_observation(message.observation),
        applied_target=_decode_applied(applied),
        applied_gripper=decode_gripper_target(applied.gripper) if applied.HasField("gripper") else None,
        clips=tuple(Clip(kind=ClipKind(clip.kind), excess=clip.excess) for clip in message.clips),
        applied_time_ns=message.applied_time_ns,
        overrun_ns=message.overrun_ns,
    )


def decode_progress(message: control_pb2.Moved) -> MotionProgress:
    """How a motion stands."""
    return MotionProgress(
        outcome=MotionOutcome(message.outcome),
        progress_ratio=message.progress_ratio,
        observation=decode_observation(message.observation),
        text=message.text,
    )
