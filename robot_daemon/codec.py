"""Values of `devices` to messages, for answers. `requests` is the way back.

The functions on the path of a `Step` build messages directly and copy arrays with `tolist`, the fastest way measured.
"""

from collections.abc import Mapping

from google.protobuf import timestamp_pb2
from serl.robot.v1 import (
    camera_service_pb2,
    control_pb2,
    geometry_pb2,
    observation_pb2,
    robot_service_pb2,
    state_pb2,
)

from robot_daemon.config import LimitsConfig
from robot_daemon.devices import (
    ArmInfo,
    ArmState,
    Backend,
    CameraInfo,
    Compliance,
    ControlMode,
    FaultSeverity,
    FaultSource,
    FloatArray,
    GripperInfo,
    GripperMotion,
    GripperState,
    GripperTarget,
    JointTarget,
    Pacing,
    StampSource,
    Target,
    TcpTarget,
    TrackedPose,
    Triple,
)
from robot_daemon.limits import Clip, ClipKind

BACKEND: Mapping[Backend, int] = {
    Backend.REAL: robot_service_pb2.BACKEND_REAL,
    Backend.SIMULATED: robot_service_pb2.BACKEND_SIMULATED,
    Backend.FAKE: robot_service_pb2.BACKEND_FAKE,
}
PACING: Mapping[Pacing, int] = {
    Pacing.REAL_TIME: robot_service_pb2.PACING_REAL_TIME,
    Pacing.LOCKSTEP: robot_service_pb2.PACING_LOCKSTEP,
}
CONTROL_MODE: Mapping[ControlMode, int] = {
    ControlMode.CARTESIAN_IMPEDANCE: robot_service_pb2.CONTROL_MODE_CARTESIAN_IMPEDANCE,
    ControlMode.JOINT_IMPEDANCE: robot_service_pb2.CONTROL_MODE_JOINT_IMPEDANCE,
    ControlMode.WRENCH: robot_service_pb2.CONTROL_MODE_WRENCH,
}
GRIPPER_MOTION: Mapping[GripperMotion, int] = {
    GripperMotion.INACTIVE: state_pb2.GRIPPER_MOTION_INACTIVE,
    GripperMotion.MOVING: state_pb2.GRIPPER_MOTION_MOVING,
    GripperMotion.AT_TARGET: state_pb2.GRIPPER_MOTION_AT_TARGET,
    GripperMotion.OBJECT_HELD: state_pb2.GRIPPER_MOTION_OBJECT_HELD,
    GripperMotion.FAULTED: state_pb2.GRIPPER_MOTION_FAULTED,
}
STAMP_SOURCE: Mapping[StampSource, int] = {
    StampSource.SENSOR: observation_pb2.STAMP_SOURCE_SENSOR,
    StampSource.ARRIVAL: observation_pb2.STAMP_SOURCE_ARRIVAL,
    StampSource.SIMULATOR: observation_pb2.STAMP_SOURCE_SIMULATOR,
}
FAULT_SOURCE: Mapping[FaultSource, int] = {
    FaultSource.ARM: state_pb2.FAULT_SOURCE_ARM,
    FaultSource.GRIPPER: state_pb2.FAULT_SOURCE_GRIPPER,
    FaultSource.CAMERA: state_pb2.FAULT_SOURCE_CAMERA,
    FaultSource.DAEMON: state_pb2.FAULT_SOURCE_DAEMON,
}
FAULT_SEVERITY: Mapping[FaultSeverity, int] = {
    FaultSeverity.WARNING: state_pb2.FAULT_SEVERITY_WARNING,
    FaultSeverity.CRITICAL: state_pb2.FAULT_SEVERITY_CRITICAL,
}
CLIP_KIND: Mapping[ClipKind, int] = {kind: control_pb2.ClipKind.Value(f"CLIP_KIND_{kind.name}") for kind in ClipKind}


def encode_vector(vector: FloatArray | Triple) -> geometry_pb2.Vector3:
    """Shape (3,), any unit."""
    x, y, z = vector
    return geometry_pb2.Vector3(x=x, y=y, z=z)


def encode_pose(position: FloatArray, quaternion: FloatArray) -> geometry_pb2.Pose:
    """A pose with w >= 0. Shapes (3,), m, and (4,), xyzw."""
    x, y, z = position.tolist()
    qx, qy, qz, qw = quaternion.tolist()
    if qw < 0.0:
        qx, qy, qz, qw = -qx, -qy, -qz, -qw
    return geometry_pb2.Pose(
        position=geometry_pb2.Vector3(x=x, y=y, z=z),
        orientation=geometry_pb2.Quaternion(x=qx, y=qy, z=qz, w=qw),
    )


def encode_twist(twist: FloatArray) -> geometry_pb2.Twist:
    """Shape (6,), m/s and rad/s."""
    a, b, c, d, e, f = twist.tolist()
    return geometry_pb2.Twist(linear=geometry_pb2.Vector3(x=a, y=b, z=c), angular=geometry_pb2.Vector3(x=d, y=e, z=f))


def encode_wrench(wrench: FloatArray) -> geometry_pb2.Wrench:
    """Shape (6,), N and Nm."""
    a, b, c, d, e, f = wrench.tolist()
    return geometry_pb2.Wrench(force=geometry_pb2.Vector3(x=a, y=b, z=c), torque=geometry_pb2.Vector3(x=d, y=e, z=f))


def encode_wall_time(wall_ns: int) -> timestamp_pb2.Timestamp:
    """Nanoseconds since the Unix epoch."""
    seconds, nanos = divmod(wall_ns, 1_000_000_000)
    return timestamp_pb2.Timestamp(seconds=seconds, nanos=nanos)


def encode_arm_state(state: ArmState) -> state_pb2.RobotState:
    """What the arm itself knows; mode, faults, gripper and session are the core's to add."""
    external = state.external_joint_torques
    return state_pb2.RobotState(
        monotonic_time_ns=state.time_ns,
        joint_positions_rad=state.joint_positions.tolist(),
        joint_velocities_rad_per_s=state.joint_velocities.tolist(),
        joint_torques_nm=state.joint_torques.tolist(),
        external_joint_torques_nm=None if external is None else external.tolist(),
        tcp_pose=encode_pose(state.tcp_position, state.tcp_quaternion),
        tcp_twist=encode_twist(state.tcp_twist),
        external_wrench=encode_wrench(state.external_wrench),
        jacobian=state.jacobian.ravel().tolist(),
    )


def encode_gripper_state(state: GripperState) -> state_pb2.GripperState:
    """State of the gripper."""
    return state_pb2.GripperState(
        width_m=state.width,
        target_width_m=state.target_width,
        motion=GRIPPER_MOTION[state.motion],  # type: ignore[arg-type]
        force_n=state.force,
    )


def encode_tracked_object(pose: TrackedPose) -> observation_pb2.TrackedObject:
    """An object whose pose is known."""
    return observation_pb2.TrackedObject(
        name=pose.name,
        pose=encode_pose(pose.position, pose.quaternion),
        twist=None if pose.twist is None else encode_twist(pose.twist),
        monotonic_time_ns=pose.time_ns,
        ground_truth=pose.ground_truth,
    )


def encode_applied_target(target: Target | None, gripper: GripperTarget | None) -> control_pb2.AppliedTarget:
    """The target that took effect; None of either kind is left unset."""
    applied = control_pb2.AppliedTarget(gripper=None if gripper is None else encode_gripper_target(gripper))
    if isinstance(target, TcpTarget):
        applied.tcp_pose.CopyFrom(encode_pose(target.position, target.quaternion))
    elif isinstance(target, JointTarget):
        applied.joint_positions.positions_rad.extend(target.positions.tolist())
    elif target is not None:
        applied.wrench.CopyFrom(encode_wrench(target.wrench))
    return applied


def encode_gripper_target(target: GripperTarget) -> control_pb2.GripperTarget:
    """What the gripper should do."""
    return control_pb2.GripperTarget(width_m=target.width, speed_m_per_s=target.speed, force_n=target.force)


def encode_clip(clip: Clip) -> control_pb2.Clip:
    """A limit that changed a target."""
    return control_pb2.Clip(kind=CLIP_KIND[clip.kind], excess=clip.excess)  # type: ignore[arg-type]


def encode_compliance(value: Compliance) -> control_pb2.Compliance:
    """All values of an impedance."""
    return control_pb2.Compliance(
        translational_stiffness_n_per_m=value.translational_stiffness,
        translational_damping_ns_per_m=value.translational_damping,
        rotational_stiffness_nm_per_rad=value.rotational_stiffness,
        rotational_damping_nms_per_rad=value.rotational_damping,
        translational_clip_positive_m=encode_vector(value.translational_clip_positive),
        translational_clip_negative_m=encode_vector(value.translational_clip_negative),
        rotational_clip_positive_rad=encode_vector(value.rotational_clip_positive),
        rotational_clip_negative_rad=encode_vector(value.rotational_clip_negative),
        nullspace_stiffness_nm_per_rad=value.nullspace_stiffness,
    )


def encode_arm_info(info: ArmInfo) -> robot_service_pb2.ArmInfo:
    """Constant facts of the arm."""
    return robot_service_pb2.ArmInfo(
        model=info.model,
        joint_count=info.joint_count,
        joint_lower_rad=info.joint_lower.tolist(),
        joint_upper_rad=info.joint_upper.tolist(),
        joint_speed_rad_per_s=info.joint_speed.tolist(),
        home_rad=info.home.tolist(),
        home_tcp_pose=encode_pose(info.home_tcp_position, info.home_tcp_quaternion),
        control_modes=[CONTROL_MODE[mode] for mode in info.control_modes],  # type: ignore[arg-type]
    )


def encode_gripper_info(info: GripperInfo) -> robot_service_pb2.GripperInfo:
    """Constant facts of the gripper."""
    return robot_service_pb2.GripperInfo(
        model=info.model,
        max_width_m=info.max_width,
        max_force_n=info.max_force,
        max_speed_m_per_s=info.max_speed,
    )


def encode_camera_info(info: CameraInfo, *, delivering: bool) -> camera_service_pb2.CameraInfo:
    """Facts of one camera."""
    intrinsics = None
    if info.intrinsics is not None:
        fx, fy, cx, cy = info.intrinsics
        intrinsics = camera_service_pb2.CameraIntrinsics(fx_px=fx, fy_px=fy, cx_px=cx, cy_px=cy)
    return camera_service_pb2.CameraInfo(
        name=info.name,
        model=info.model,
        serial_number=info.serial_number,
        width_px=info.width,
        height_px=info.height,
        rate_hz=info.rate_hz,
        delivering=delivering,
        has_depth=info.has_depth,
        intrinsics=intrinsics,
        mount=info.mount,
    )


def encode_limits(config: LimitsConfig) -> robot_service_pb2.Limits:
    """Bounds that the daemon enforces."""
    x, y, z, w = config.workspace_orientation_xyzw
    limits = robot_service_pb2.Limits(
        workspace_lower_m=encode_vector(config.workspace_lower_m),
        workspace_upper_m=encode_vector(config.workspace_upper_m),
        workspace_orientation=geometry_pb2.Quaternion(x=x, y=y, z=z, w=w),
        workspace_rotation_rad=config.workspace_rotation_rad,
        step_translation_m=config.step_translation_m,
        step_rotation_rad=config.step_rotation_rad,
        force_n=config.force_n,
        torque_nm=config.torque_nm,
        contact_force_n=config.contact_force_n,
    )
    limits.min_period.FromNanoseconds(round(config.min_period_s * 1e9))
    limits.max_period.FromNanoseconds(round(config.max_period_s * 1e9))
    return limits
