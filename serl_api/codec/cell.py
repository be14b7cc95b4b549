"""Messages to the facts of a cell."""

from __future__ import annotations

import numpy as np
from serl.robot.v1 import camera_service_pb2, robot_service_pb2

from serl_api.cell import ArmInfo, CameraInfo, CameraIntrinsics, CellInfo, GripperInfo, Limits
from serl_api.codec.values import decode_compliance, decode_duration, decode_pose, decode_quaternion, decode_vector
from serl_api.enums import Backend, ControlMode, Pacing


def _decode_arm(message: robot_service_pb2.ArmInfo) -> ArmInfo:
    return ArmInfo(
        model=message.model,
        joint_lower=np.array(list(message.joint_lower_rad), float),
        joint_upper=np.array(list(message.joint_upper_rad), float),
        joint_speed=np.array(list(message.joint_speed_rad_per_s), float),
        home=np.array(list(message.home_rad), float),
        home_tcp_pose=decode_pose(message.home_tcp_pose),
        control_modes=frozenset(ControlMode(mode) for mode in message.control_modes),
    )


def _decode_gripper(message: robot_service_pb2.GripperInfo) -> GripperInfo:
    return GripperInfo(
        model=message.model,
        max_width=message.max_width_m,
        max_force=message.max_force_n,
        max_speed=message.max_speed_m_per_s,
    )


def _decode_intrinsics(message: camera_service_pb2.CameraIntrinsics) -> CameraIntrinsics:
    return CameraIntrinsics(fx=message.fx_px, fy=message.fy_px, cx=message.cx_px, cy=message.cy_px)


def decode_camera_info(message: camera_service_pb2.CameraInfo) -> CameraInfo:
    """Facts of a camera."""
    return CameraInfo(
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


def decode_cell_info(message: robot_service_pb2.GetInfoResponse) -> CellInfo:
    """Facts of a cell."""
    return CellInfo(
        cell_name=message.cell_name,
        daemon_version=message.daemon_version,
        boot_id=message.boot_id,
        backend=Backend(message.backend),
        pacing=Pacing(message.pacing),
        arm=_decode_arm(message.arm),
        gripper=_decode_gripper(message.gripper) if message.HasField("gripper") else None,
        cameras={camera.name: decode_camera_info(camera) for camera in message.cameras},
        limits=_decode_limits(message.limits),
        command_timeout_s=decode_duration(message.command_timeout),
        task=message.task,
        default_compliance=decode_compliance(message.default_compliance),
    )
