"""Converts facts of a cell between values and messages of `robot_service.proto` and `camera_service.proto`."""

from collections.abc import Iterable

from serl.robot.v1 import camera_service_pb2, robot_service_pb2

from serl_api.cell import ArmInfo, CameraInfo, CameraIntrinsics, CellInfo, GripperInfo, Limits
from serl_api.codec.control import decode_compliance, encode_compliance
from serl_api.codec.geometry import (
    decode_numbers,
    decode_pose,
    decode_quaternion,
    decode_vector,
    encode_quaternion,
    encode_vector,
    write_pose,
)
from serl_api.codec.times import decode_duration, encode_duration
from serl_api.enums import Backend, ControlMode, Pacing


def _encode_arm(info: ArmInfo) -> robot_service_pb2.ArmInfo:
    message = robot_service_pb2.ArmInfo(
        model=info.model,
        joint_count=info.joint_count,
        joint_lower_rad=info.joint_lower.tolist(),
        joint_upper_rad=info.joint_upper.tolist(),
        joint_speed_rad_per_s=info.joint_speed.tolist(),
        home_rad=info.home.tolist(),
        control_modes=sorted(info.control_modes),  # type: ignore[arg-type]
    )
    write_pose(message.home_tcp_pose, info.home_tcp_pose)
    return message


def _decode_arm(message: robot_service_pb2.ArmInfo) -> ArmInfo:
    return ArmInfo(
        model=message.model,
        joint_lower=decode_numbers(message.joint_lower_rad),
        joint_upper=decode_numbers(message.joint_upper_rad),
        joint_speed=decode_numbers(message.joint_speed_rad_per_s),
        home=decode_numbers(message.home_rad),
        home_tcp_pose=decode_pose(message.home_tcp_pose),
        control_modes=frozenset(ControlMode(mode) for mode in message.control_modes),
    )


def _encode_gripper(info: GripperInfo) -> robot_service_pb2.GripperInfo:
    return robot_service_pb2.GripperInfo(
        model=info.model,
        max_width_m=info.max_width,
        max_force_n=info.max_force,
        max_speed_m_per_s=info.max_speed,
    )


def _decode_gripper(message: robot_service_pb2.GripperInfo) -> GripperInfo:
    return GripperInfo(
        model=message.model,
        max_width=message.max_width_m,
        max_force=message.max_force_n,
        max_speed=message.max_speed_m_per_s,
    )


def _encode_intrinsics(value: CameraIntrinsics) -> camera_service_pb2.CameraIntrinsics:
    return camera_service_pb2.CameraIntrinsics(fx_px=value.fx, fy_px=value.fy, cx_px=value.cx, cy_px=value.cy)


def _decode_intrinsics(message: camera_service_pb2.CameraIntrinsics) -> CameraIntrinsics:
    return CameraIntrinsics(fx=message.fx_px, fy=message.fy_px, cx=message.cx_px, cy=message.cy_px)


def encode_camera_info(info: CameraInfo) -> camera_service_pb2.CameraInfo:
    """Converts facts of a camera."""
    message = camera_service_pb2.CameraInfo(
        name=info.name,
        model=info.model,
        serial_number=info.serial_number,
        width_px=info.width,
        height_px=info.height,
        rate_hz=info.rate_hz,
        delivering=info.delivering,
        has_depth=info.has_depth,
        intrinsics=None if info.intrinsics is None else _encode_intrinsics(info.intrinsics),
        mount=info.mount,
    )
    if info.mount_pose is not None:
        write_pose(message.mount_pose, info.mount_pose)
    return message


def decode_cameras(messages: Iterable[camera_service_pb2.CameraInfo]) -> dict[str, CameraInfo]:
    """Converts to facts of cameras, by name."""
    return {
        message.name: CameraInfo(
            name=message.name,
            model=message.model,
            serial_number=message.serial_number,
            width=message.width_px,
            height=message.height_px,
            rate_hz=message.rate_hz,
            delivering=message.delivering,
            has_depth=message.has_depth,
            intrinsics=_decode_intrinsics(message.intrinsics) if message.HasField("intrinsics") else None,
            mount_pose=decode_pose(message.mount_pose) if message.HasField("mount_pose") else None,
            mount=message.mount,
        )
        for message in messages
    }


def _encode_limits(limits: Limits) -> robot_service_pb2.Limits:
    return robot_service_pb2.Limits(
        workspace_lower_m=encode_vector(limits.workspace_lower),
        workspace_upper_m=encode_vector(limits.workspace_upper),
        workspace_orientation=encode_quaternion(limits.workspace_orientation_xyzw),
        workspace_rotation_rad=limits.workspace_rotation,
        step_translation_m=limits.step_translation,
        step_rotation_rad=limits.step_rotation,
        force_n=limits.force,
        torque_nm=limits.torque,
        contact_force_n=limits.contact_force,
        min_period=encode_duration(limits.min_period_s),
        max_period=encode_duration(limits.max_period_s),
    )


def _decode_limits(message: robot_service_pb2.Limits) -> Limits:
    return Limits(
        workspace_lower=decode_vector(message.workspace_lower_m),
        workspace_upper=decode_vector(message.workspace_upper_m),
        workspace_orientation_xyzw=decode_quaternion(message.workspace_orientation),
        workspace_rotation=message.workspace_rotation_rad,
        step_translation=message.step_translation_m,
        step_rotation=message.step_rotation_rad,
        force=message.force_n,
        torque=message.torque_nm,
        contact_force=message.contact_force_n,
        min_period_s=decode_duration(message.min_period),
        max_period_s=decode_duration(message.max_period),
    )


def encode_cell_info(info: CellInfo) -> robot_service_pb2.GetInfoResponse:
    """Converts facts of a cell."""
    return robot_service_pb2.GetInfoResponse(
        cell_name=info.cell_name,
        daemon_version=info.daemon_version,
        boot_id=info.boot_id,
        backend=info.backend,  # type: ignore[arg-type]
        pacing=info.pacing,  # type: ignore[arg-type]
        arm=_encode_arm(info.arm),
        gripper=None if info.gripper is None else _encode_gripper(info.gripper),
        cameras=map(encode_camera_info, info.cameras.values()),
        limits=_encode_limits(info.limits),
        command_timeout=encode_duration(info.command_timeout_s),
        task=info.task,
        default_compliance=encode_compliance(info.default_compliance),
    )


def decode_cell_info(message: robot_service_pb2.GetInfoResponse) -> CellInfo:
    """Converts to facts of a cell."""
    return CellInfo(
        cell_name=message.cell_name,
        daemon_version=message.daemon_version,
        boot_id=message.boot_id,
        backend=Backend(message.backend),
        pacing=Pacing(message.pacing),
        arm=_decode_arm(message.arm),
        gripper=_decode_gripper(message.gripper) if message.HasField("gripper") else None,
        cameras=decode_cameras(message.cameras),
        limits=_decode_limits(message.limits),
        command_timeout_s=decode_duration(message.command_timeout),
        task=message.task,
        default_compliance=decode_compliance(message.default_compliance),
    )
