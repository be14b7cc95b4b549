"""Answers about the cell as messages: state, observation, faults, description."""

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from serl.robot.v1 import camera_service_pb2, observation_pb2, robot_service_pb2, state_pb2

from robot_daemon.api import codec
from robot_daemon.api.image_encoding import encode_frame
from robot_daemon.control.daemon import DaemonCore
from robot_daemon.hardware.devices import ArmSample, DeviceFault, GripperSample
from robot_daemon.sensing.soft_sync import Snapshot
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
        codec.write_wall_time(message.capture_time, wall_ns)
        self._write_state(message.state, snapshot.arm, snapshot.gripper, wall_ns)
        for name, frame in snapshot.frames:
            message.frames.append(encode_frame(name, frame, encoding))
        if core.cell.scene is not None:
            for pose in core.cell.scene.tracked_objects():
                codec.write_tracked_object(message.tracked_objects.add(), pose)
        for offset in snapshot.offsets:
            message.offsets.add(
                sensor=offset.sensor,
                offset_ns=offset.offset_ns,
                tolerance_ns=offset.tolerance_ns,
                missing=offset.missing,
            )
        message.synchronized = snapshot.synchronized
        message.episode_number = core.episode_number
        message.step_index = core.step_index

    def faults(self, faults: Sequence[DeviceFault]) -> list[state_pb2.Fault]:
        """Faults with the wall time of their onset."""
        return [
            state_pb2.Fault(
                id=fault.id,
                source=fault.source,  # type: ignore[arg-type]
                severity=fault.severity,  # type: ignore[arg-type]
                onset_time_ns=fault.onset_time_ns,
                onset_time=codec.encode_wall_time(self._core.wall_ns(fault.onset_time_ns)),
                text=fault.text,
                clearable=fault.clearable,
                black_box_path=self._core.listener.recording_of(fault),
            )
            for fault in faults
        ]

    def info(self) -> robot_service_pb2.GetInfoResponse:
        """Description of the cell."""
        core, cell, active_cell = self._core, self._core.cell, self._core.active_cell
        gripper = cell.gripper
        response = robot_service_pb2.GetInfoResponse(
            cell_name=cell.name,
            daemon_version=daemon_version(),
            boot_id=core.boot_id,
            backend=cell.backend,  # type: ignore[arg-type]
            pacing=cell.timebase.pacing,  # type: ignore[arg-type]
            arm=codec.encode_arm_info(cell.arm.info),
            gripper=None if gripper is None else codec.encode_gripper_info(gripper.info),
            cameras=self.cameras(),
            limits=codec.encode_limits(active_cell.limits.config),
            task=cell.task,
            default_compliance=codec.encode_compliance(core.default_compliance),
        )
        response.command_timeout.FromNanoseconds(active_cell.command_timeout_ns)
        return response

    def cameras(self) -> list[camera_service_pb2.CameraInfo]:
        """Facts of the cameras. A simulator in lockstep always delivers; asking would draw a picture."""
        core = self._core
        sensors = core.active_cell.sensors
        lockstep = core.cell.timebase.pacing is Pacing.LOCKSTEP
        return [
            codec.encode_camera_info(camera.info, delivering=lockstep or sensors.is_delivering(name))
            for name, camera in core.cell.cameras.items()
        ]

    def _write_state(
        self, message: state_pb2.RobotState, arm: ArmSample, gripper: GripperSample | None, wall_ns: int
    ) -> None:
        core = self._core
        codec.write_arm_state(message, arm)
        codec.write_wall_time(message.capture_time, wall_ns)
        if gripper is not None:
            codec.write_gripper_state(message.gripper, gripper)
        message.mode = core.mode  # type: ignore[assignment]
        active = core.active_cell.faults.active
        if active:
            message.faults.extend(self.faults(active))
        if core.stopped is not None:
            message.stop_latched = True
        session = core.session
        if session is not None:
            message.control_holder = session.client_name
            message.applied_sequence_number = session.applied_sequence_number
            message.applied_time_ns = session.applied_time_ns
