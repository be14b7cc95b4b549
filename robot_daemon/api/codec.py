"""Values of `devices` to messages, for answers. `requests` is the way back.

On the path of a `Step` the answer is made once and `write_*` functions fill in its parts in place: half the cost of
parts that are built and then copied into their parent.
"""

from google.protobuf import timestamp_pb2
from serl.robot.v1 import (
    camera_service_pb2,
    control_pb2,
    geometry_pb2,
    observation_pb2,
    robot_service_pb2,
    state_pb2,
)

from robot_daemon.config.cell_config import LimitsConfig
from robot_daemon.hardware.devices import ArmSample, GripperSample
from serl_api.cell import ArmInfo, CameraInfo, GripperInfo
from serl_api.values import (
    Clip,
    FloatArray,
    FullCompliance,
    GripperTarget,
    JointTarget,
    Pose,
    Target,
    TrackedObject,
    Triple,
)


def encode_vector(vector: Triple) -> geometry_pb2.Vector3:
    """Three components, any unit."""
    x, y, z = vector
    return geometry_pb2.Vector3(x=x, y=y, z=z)


def write_pose(message: geometry_pb2.Pose, position: FloatArray, quaternion: FloatArray) -> None:
    """Fills in a pose with w >= 0. Shapes (3,), m, and (4,), xyzw."""
    point = message.position
    point.x, point.y, point.z = position.tolist()
    x, y, z, w = quaternion.tolist()
    turn = message.orientation
    if w < 0.0:
        x, y, z, w = -x, -y, -z, -w
    turn.x, turn.y, turn.z, turn.w = x, y, z, w


def write_twist(message: geometry_pb2.Twist, twist: FloatArray) -> None:
    """Fills in shape (6,), m/s and rad/s."""
    v, w = message.linear, message.angular
    v.x, v.y, v.z, w.x, w.y, w.z = twist.tolist()


def write_wrench(message: geometry_pb2.Wrench, wrench: FloatArray) -> None:
    """Fills in shape (6,), N and Nm."""
    f, t = message.force, message.torque
    f.x, f.y, f.z, t.x, t.y, t.z = wrench.tolist()


def write_arm_state(message: state_pb2.RobotState, state: ArmSample) -> None:
    """Fills in what the arm itself knows; mode, faults, gripper and session are the core's to add."""
    message.monotonic_time_ns = state.time_ns
    message.joint_positions_rad.extend(state.joint_positions.tolist())
    message.joint_velocities_rad_per_s.extend(state.joint_velocities.tolist())
    message.joint_torques_nm.extend(state.joint_torques.tolist())
    if state.external_joint_torques is not None:
        message.external_joint_torques_nm.extend(state.external_joint_torques.tolist())
    write_pose(message.tcp_pose, state.tcp_pose.position, state.tcp_pose.quaternion_xyzw)
    write_twist(message.tcp_twist, state.tcp_twist)
    write_wrench(message.external_wrench, state.external_wrench)
    message.jacobian.extend(state.jacobian.ravel().tolist())


def write_gripper_state(message: state_pb2.GripperState, state: GripperSample) -> None:
    """Fills in the state of the gripper."""
    message.width_m = state.width
    message.target_width_m = state.target_width
    message.motion = state.motion  # type: ignore[assignment]
    if state.force is not None:
        message.force_n = state.force


def write_wall_time(message: timestamp_pb2.Timestamp, wall_ns: int) -> None:
    """Fills in nanoseconds since the Unix epoch."""
    message.seconds, message.nanos = divmod(wall_ns, 1_000_000_000)


def write_applied_target(
    message: control_pb2.AppliedTarget, target: Target | None, gripper: GripperTarget | None
) -> None:
    """Fills in the target that took effect; None of either kind is left unset."""
    if isinstance(target, Pose):
        write_pose(message.tcp_pose, target.position, target.quaternion_xyzw)
    elif isinstance(target, JointTarget):
        message.joint_positions.positions_rad.extend(target.positions.tolist())
    elif target is not None:
        write_wrench(message.wrench, target.wrench)
    if gripper is not None:
        message.gripper.width_m = gripper.width
        message.gripper.speed_m_per_s = gripper.speed
        message.gripper.force_n = gripper.force


def write_tracked_object(message: observation_pb2.TrackedObject, pose: TrackedObject) -> None:
    """Fills in an object whose pose is known."""
    message.name = pose.name
    write_pose(message.pose, pose.pose.position, pose.pose.quaternion_xyzw)
    if pose.twist is not None:
        write_twist(message.twist, pose.twist)
    message.monotonic_time_ns = pose.monotonic_time_ns
    message.ground_truth = pose.ground_truth


def encode_pose(position: FloatArray, quaternion: FloatArray) -> geometry_pb2.Pose:
    """A pose with w >= 0. Shapes (3,), m, and (4,), xyzw."""
    message = geometry_pb2.Pose()
    write_pose(message, position, quaternion)
    return message


def encode_tracked_object(pose: TrackedObject) -> observation_pb2.TrackedObject:
    """An object whose pose is known."""
    message = observation_pb2.TrackedObject()
    write_tracked_object(message, pose)
    return message


def encode_wall_time(wall_ns: int) -> timestamp_pb2.Timestamp:
    """Nanoseconds since the Unix epoch."""
    message = timestamp_pb2.Timestamp()
    write_wall_time(message, wall_ns)
    return message


def encode_clip(clip: Clip) -> control_pb2.Clip:
    """A limit that changed a target."""
    return control_pb2.Clip(kind=clip.kind, excess=clip.excess)  # type: ignore[arg-type]


def encode_compliance(value: FullCompliance) -> control_pb2.Compliance:
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
        home_tcp_pose=encode_pose(info.home_tcp_pose.position, info.home_tcp_pose.quaternion_xyzw),
        control_modes=sorted(info.control_modes),  # type: ignore[arg-type]
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
        i = info.intrinsics
        intrinsics = camera_service_pb2.CameraIntrinsics(fx_px=i.fx, fy_px=i.fy, cx_px=i.cx, cy_px=i.cy)
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
