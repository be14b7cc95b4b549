"""Defines how the core reads sensors, and reads them in lockstep, at the present instant."""

import threading
from collections.abc import Sequence
from typing import Protocol

from robot_daemon.config.cell_config import SyncConfig
from robot_daemon.hardware.devices import ArmSample, Cell, FrameSample, GripperSample, PastInstant
from robot_daemon.sensing.soft_sync import Snapshot
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.values import SensorOffset

LOCKSTEP_READ_TIMEOUT_S = 1.0
"""Wall time that a simulator may take to render a frame."""


class Sensors(Protocol):
    """Reads all sensors of a cell. Any thread may call any method."""

    def start(self) -> None:
        """Starts to sample; called once, when everybody who hears of the samples is ready."""
        ...

    def arm_state(self) -> ArmSample:
        """Returns the newest sample. Raises DeviceUnavailableError when the arm does not answer."""
        ...

    def gripper_state(self) -> GripperSample | None:
        """Returns the newest sample; None when there is no gripper, or it has never answered."""
        ...

    def snapshot(self, cameras: Sequence[str]) -> Snapshot:
        """Returns every sensor at one reference time. Raises DeviceUnavailableError when the arm does not answer."""
        ...

    def newest_frame(self, camera: str) -> FrameSample | None:
        """Returns the newest frame; None when the camera does not deliver."""
        ...

    def wait_for_frames(self, timeout_s: float) -> None:
        """Returns when some camera may have a newer frame, or after a time."""
        ...

    def is_delivering(self, camera: str) -> bool:
        """Returns whether a camera delivers at present."""
        ...

    def forget(self, cameras: Sequence[str] = ()) -> None:
        """Drops what was sampled before the scene changed, and waits shortly for newer frames of some cameras."""
        ...

    def close(self) -> None:
        """Ends every thread; devices stay open."""
        ...


class LockstepSensors:
    """Samples at the present instant of a clock that stands still between requests.

    Samples are kept for as long as the clock shows the same time, so that two consumers get the same ones.
    """

    def __init__(self, cell: Cell, config: SyncConfig) -> None:
        self._cell = cell
        self._timebase = cell.timebase
        self._arm_tolerance_ns = round(config.arm_tolerance_s * 1e9)
        self._gripper_tolerance_ns = round(config.gripper_tolerance_s * 1e9)
        self._camera_tolerance_ns = round(config.camera_tolerance_s * 1e9)
        self._lock = threading.RLock()
        self._arm: tuple[int, ArmSample] | None = None
        self._frames: dict[str, tuple[int, FrameSample | None]] = {}
        self._exact = [SensorOffset("arm", 0, self._arm_tolerance_ns)]
        if cell.gripper is not None:
            self._exact.append(SensorOffset("gripper", 0, self._gripper_tolerance_ns))

    def start(self) -> None:
        """Does nothing: no thread samples in lockstep."""

    def arm_state(self) -> ArmSample:
        """Reads the arm's state at the present instant."""
        now = self._timebase.now_ns()
        kept = self._arm
        if kept is not None and kept[0] == now:
            return kept[1]
        state = self._cell.arm.read_state()
        self._arm = (state.time_ns, state)
        return state

    def gripper_state(self) -> GripperSample | None:
        """Reads the gripper's state at the present instant."""
        try:
            return None if self._cell.gripper is None else self._cell.gripper.read_state()
        except DeviceUnavailableError:
            return None

    def snapshot(self, cameras: Sequence[str]) -> Snapshot:
        """Reads every sensor at the present instant, or as it was where a simulator delays observations."""
        past = None if self._cell.past is None else self._cell.past.observed()
        if past is not None:
            return self._past_snapshot(past, cameras)
        arm = self.arm_state()
        gripper = self.gripper_state()
        now = self._timebase.now_ns()
        if not cameras and arm.time_ns == now and (gripper is None or gripper.time_ns == now):
            missing = self._cell.gripper is not None and gripper is None
            if not missing:
                return Snapshot(now, arm, gripper, (), self._exact)
        offsets = [SensorOffset("arm", arm.time_ns - now, self._arm_tolerance_ns)]
        if self._cell.gripper is not None:
            late = 0 if gripper is None else gripper.time_ns - now
            offsets.append(SensorOffset("gripper", late, self._gripper_tolerance_ns, gripper is None))
        frames = []
        for name in cameras:
            frame = self.newest_frame(name)
            late = 0 if frame is None else frame.time_ns - now
            offsets.append(SensorOffset(f"camera/{name}", late, self._camera_tolerance_ns, frame is None))
            if frame is not None:
                frames.append((name, frame))
        return Snapshot(now, arm, gripper, frames, offsets)

    def _past_snapshot(self, past: PastInstant, cameras: Sequence[str]) -> Snapshot:
        newest, newest_gripper = self.arm_state(), self.gripper_state()
        offsets = list(self._exact)
        frames = []
        for name in cameras:
            try:
                frames.append((name, past.frame(name)))
                missing = False
            except DeviceUnavailableError:
                missing = True
            offsets.append(SensorOffset(f"camera/{name}", 0, self._camera_tolerance_ns, missing))
        return Snapshot(past.time_ns, past.arm, past.gripper, frames, offsets, newest, newest_gripper, past.objects)

    def newest_frame(self, camera: str) -> FrameSample | None:
        """Returns a frame of the present instant."""
        with self._lock:
            now = self._timebase.now_ns()
            kept = self._frames.get(camera)
            if kept is not None and kept[0] == now:
                return kept[1]
            try:
                frame = self._cell.cameras[camera].read(LOCKSTEP_READ_TIMEOUT_S)
            except DeviceUnavailableError:
                return None
            self._frames[camera] = (now, frame)
            return frame

    def wait_for_frames(self, timeout_s: float) -> None:
        """Returns at once: nothing arrives by itself; the caller paces itself."""

    def is_delivering(self, camera: str) -> bool:
        """Returns whether a frame could be had now."""
        return self.newest_frame(camera) is not None

    def forget(self, cameras: Sequence[str] = ()) -> None:
        """Drops what was sampled before the scene changed; the next frames are drawn anew."""
        with self._lock:
            self._arm = None
            self._frames.clear()

    def close(self) -> None:
        """Does nothing: no thread runs."""
