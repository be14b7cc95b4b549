"""Answers about the cell as messages: state, observation, faults, description."""

from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from serl.robot.v1 import camera_service_pb2, observation_pb2, robot_service_pb2, state_pb2

from robot_daemon.api.image_encoding import encode_frame
from robot_daemon.config.cell_config import LimitsConfig
from robot_daemon.control.daemon import DaemonCore
from robot_daemon.hardware.devices import ArmSample, DeviceFault, GripperSample
from robot_daemon.sensing.soft_sync import Snapshot
from serl_api.cell import CameraInfo, CellInfo, Limits
from serl_api.codec.cell import encode_camera_info, encode_cell_info
from serl_api.codec.observation import write_offset, write_tracked_object
from serl_api.codec.state import encode_fault, write_arm_state, write_gripper_state
from serl_api.codec.times import write_wall_time
from serl_api.enums import Pacing


def daemon_version() -> str:
    """Version of the installed package; "unknown" when it runs from a bare checkout."""
    try:
        return version("serl-robot")
    except PackageNotFoundError:
        return "unknown"


class ResponseBuilder:
    """Packs what a core knows."""

    def __init__(self, core: DaemonCore) -> None:
        self._core = core

    def state(self) -> state_pb2.RobotState:
        """The newest state; the last known one, marked as disconnected, while the arm is silent."""
        core = self._core
        arm, answers = core.arm_state()
        core.active_cell.faults.refresh()
        message = state_pb2.RobotState()
        self._write_state(message, arm, core.active_cell.sensors.gripper_state(), core.wall_ns(arm.time_ns))
        if not answers:
            message.mode = state_pb2.ARM_MODE_DISCONNECTED
        return message

    def write_observation(
        self,
        message: observation_pb2.Observation,
        snapshot: Snapshot,
        encoding: int = observation_pb2.PIXEL_ENCODING_UNSPECIFIED,
    ) -> None:
        """Fills in a snapshot as the answer to a request."""
        core = self._core
        wall_ns = core.wall_ns(snapshot.reference_time_ns)
        message.reference_time_ns = snapshot.reference_time_ns
        write_wall_time(message.capture_time, wall_ns)
        self._write_state(message.state, snapshot.arm, snapshot.gripper, wall_ns)
        for name, frame in snapshot.frames:
            message.frames.append(encode_frame(name, frame, encoding))
        objects = snapshot.objects
        if objects is None:
            objects = () if core.cell.scene is None else core.cell.scene.tracked_objects()
        for item in objects:
            write_tracked_object(message.tracked_objects.add(), item)
        for offset in snapshot.offsets:
            write_offset(message.offsets.add(), offset)
        message.synchronized = snapshot.synchronized
        if snapshot.newest_arm is not None:
            self._write_measured(message.newest_state, snapshot.newest_arm, snapshot.newest_gripper)
        message.episode_number = core.episode_number
        message.step_index = core.step_index

    def faults(self, faults: Sequence[DeviceFault]) -> list[state_pb2.Fault]:
        """Faults with the wall time of their onset."""
        wall_ns, recording_of = self._core.wall_ns, self._core.listener.recording_of
        return [
            encode_fault(replace(fault, black_box_path=recording_of(fault)), wall_ns(fault.onset_time_ns))
            for fault in faults
        ]

    def info(self) -> robot_service_pb2.GetInfoResponse:
        """Description of the cell."""
        core, cell, active_cell = self._core, self._core.cell, self._core.active_cell
        info = CellInfo(
            cell_name=cell.name,
            daemon_version=daemon_version(),
            boot_id=core.boot_id,
            backend=cell.backend,
            pacing=cell.timebase.pacing,
            arm=replace(cell.arm.info, control_modes=active_cell.limits.control_modes),
            gripper=None if cell.gripper is None else cell.gripper.info,
            cameras={camera.name: camera for camera in self._cameras()},
            limits=_limits(active_cell.limits.config),
            command_timeout_s=active_cell.command_timeout_ns * 1e-9,
            task=cell.task,
            default_compliance=core.default_compliance,
        )
        return encode_cell_info(info)

    def cameras(self) -> list[camera_service_pb2.CameraInfo]:
        """Facts of the cameras."""
        return [encode_camera_info(info) for info in self._cameras()]

    def _cameras(self) -> list[CameraInfo]:
        """Facts of the cameras. A simulator in lockstep always delivers; asking would draw a picture."""
        core = self._core
        sensors = core.active_cell.sensors
        lockstep = core.cell.timebase.pacing is Pacing.LOCKSTEP
        return [
            replace(camera.info, delivering=lockstep or sensors.is_delivering(name))
            for name, camera in core.cell.cameras.items()
        ]

    def _write_measured(self, message: state_pb2.RobotState, arm: ArmSample, gripper: GripperSample | None) -> None:
        message.monotonic_time_ns = arm.time_ns
        write_arm_state(message, arm)
        if gripper is not None:
            write_gripper_state(message.gripper, gripper)

    def _write_state(
        self, message: state_pb2.RobotState, arm: ArmSample, gripper: GripperSample | None, wall_ns: int
    ) -> None:
        core = self._core
        write_wall_time(message.capture_time, wall_ns)
        self._write_measured(message, arm, gripper)
        message.mode = core.mode  # type: ignore[assignment]
        active = core.active_cell.faults.active
        if active:
            message.faults.extend(self.faults(active))
        if core.stopped is not None:
            message.stop_latched = True
        if core.armed_estops:
            message.armed_estops.extend(core.armed_estops)
        session = core.session
        if session is not None:
            message.control_holder = session.client_name
            message.control_session_number = session.number
            message.control_class = session.session_class  # type: ignore[assignment]
            message.applied_sequence_number = session.applied_sequence_number
            message.applied_time_ns = session.applied_time_ns


def _limits(config: LimitsConfig) -> Limits:
    return Limits(
        workspace_lower=np.array(config.workspace_lower_m),
        workspace_upper=np.array(config.workspace_upper_m),
        workspace_orientation_xyzw=np.array(config.workspace_orientation_xyzw),
        workspace_rotation=config.workspace_rotation_rad,
        step_translation=config.step_translation_m,
        step_rotation=config.step_rotation_rad,
        force=config.force_n,
        torque=config.torque_nm,
        contact_force=config.contact_force_n,
        min_period_s=config.min_period_s,
        max_period_s=config.max_period_s,
    )
