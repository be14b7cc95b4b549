"""Samples a cell in real time: one thread for arm and gripper, one a camera, rings for what they read."""

import logging
import threading
from collections.abc import Callable, Sequence

from robot_daemon.config.cell_config import SyncConfig
from robot_daemon.hardware.devices import ArmSample, Camera, Cell, DeviceFault, FrameSample, GripperSample
from robot_daemon.sensing.alignment import Alignment, CameraTrack
from robot_daemon.sensing.soft_sync import Snapshot
from serl_api.enums import FaultSeverity, FaultSource
from serl_api.errors.robot import DeviceUnavailableError

logger = logging.getLogger(__name__)


class RealTimeSensors:
    """Samples the sensors of a cell whose time passes by itself.

    Args:
        cell: The devices.
        config: Rates, tolerances.
        raise_fault: Told of each fault that is found, such as "camera_lost.<name>" while a camera does not deliver.
        clear_fault: Told the id of a fault whose cause has gone.
        on_sample: Called by the sampling thread, each time it goes round, with the state of arm and gripper; None for
            one that is silent.
    """

    def __init__(
        self,
        cell: Cell,
        config: SyncConfig,
        *,
        raise_fault: Callable[[DeviceFault], None],
        clear_fault: Callable[[str], None],
        on_sample: Callable[[ArmSample | None, GripperSample | None], None],
    ) -> None:
        self._cell = cell
        self._now_ns = cell.timebase.now_ns
        self._raise_fault = raise_fault
        self._clear_fault = clear_fault
        self._on_sample = on_sample
        self._interval_s = 1.0 / config.sample_rate_hz
        infos = {name: camera.info for name, camera in cell.cameras.items()}
        self._alignment = Alignment(config, infos, has_gripper=cell.gripper is not None)
        self._closing = threading.Event()
        self._fresh_frame = threading.Condition()
        self._threads = [threading.Thread(target=self._sample_forever, name="sample-arm", daemon=True)]
        for name, camera in cell.cameras.items():
            track = self._alignment.cameras[name]
            reader = threading.Thread(target=self._read_forever, args=(camera, track), name=f"read-{name}", daemon=True)
            self._threads.append(reader)

    def start(self) -> None:
        """Starts every thread."""
        for thread in self._threads:
            thread.start()

    def arm_state(self) -> ArmSample:
        """Reads the newest state from the driver now."""
        state = self._cell.arm.read_state()
        self._alignment.arm.append(state)
        return state

    def gripper_state(self) -> GripperSample | None:
        """Reads the newest state from the driver now; None while the gripper is silent."""
        if self._cell.gripper is None:
            return None
        try:
            state = self._cell.gripper.read_state()
        except DeviceUnavailableError:
            return self._alignment.recent_gripper(self._now_ns())
        self._alignment.gripper.append(state)
        return state

    def snapshot(self, cameras: Sequence[str]) -> Snapshot:
        """Returns every sensor at one reference time; see `robot_daemon.sensing.soft_sync`."""
        arm = self.arm_state()
        gripper = self.gripper_state()
        return self._alignment.snapshot(cameras, arm, gripper, self._now_ns())

    def newest_frame(self, camera: str) -> FrameSample | None:
        """Returns the newest frame; None when the camera does not deliver."""
        return self._alignment.cameras[camera].newest(self._now_ns())

    def wait_for_frames(self, timeout_s: float) -> None:
        """Returns when some camera has a newer frame, or after a time."""
        with self._fresh_frame:
            self._fresh_frame.wait(timeout_s)

    def is_delivering(self, camera: str) -> bool:
        """Returns whether a camera delivers at present."""
        return self.newest_frame(camera) is not None

    def forget(self, cameras: Sequence[str] = ()) -> None:
        """Drops samples of arm and gripper; waits until some cameras have exposed since, or are late."""
        changed_ns = self._now_ns()
        self._alignment.arm.clear()
        self._alignment.gripper.clear()
        tracks = [self._alignment.cameras[name] for name in cameras]
        deadline_ns = changed_ns + max((track.lost_ns for track in tracks), default=0)
        with self._fresh_frame:
            while self._now_ns() < deadline_ns and any(
                track.is_older_than(changed_ns, self._now_ns()) for track in tracks
            ):
                self._fresh_frame.wait(0.05)

    def close(self) -> None:
        """Ends every thread; devices stay open."""
        self._closing.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(timeout=5.0)

    def _sample_forever(self) -> None:
        interval_ns = round(self._interval_s * 1e9)
        due_ns = self._now_ns() + interval_ns
        while not self._closing.wait(max(0, due_ns - self._now_ns()) * 1e-9):
            due_ns = max(due_ns, self._now_ns() - interval_ns) + interval_ns  # Late by more than one: no catching up.
            try:
                self._sample()
            except Exception:
                logger.exception("the sampling thread met a bug; the arm is treated as faulted")
                self._raise_fault(_sampling_fault(self._now_ns()))
                return

    def _sample(self) -> None:
        try:
            arm = self.arm_state()
        except DeviceUnavailableError:
            arm = None
        self._on_sample(arm, self.gripper_state())

    def _read_forever(self, camera: Camera, track: CameraTrack) -> None:
        started_ns = self._now_ns()
        timeout_s = min(0.25, track.lost_ns * 1e-9)
        reported: tuple[DeviceFault, ...] = ()
        is_lost = False
        while not self._closing.is_set():
            try:
                frame = camera.read(timeout_s)
            except DeviceUnavailableError as error:
                if not is_lost and self._is_overdue(track, started_ns):
                    is_lost = True
                    self._raise_fault(_lost_fault(track.name, self._now_ns(), str(error)))
                self._closing.wait(0.02)
                continue
            except Exception:
                logger.exception("the thread of camera %s met a bug; the camera is lost", track.name)
                self._raise_fault(_lost_fault(track.name, self._now_ns(), "its driver failed; see the log"))
                return
            track.add(frame)
            if is_lost:
                is_lost = False
                self._clear_fault(f"camera_lost.{track.name}")
            reported = self._note_faults(reported, camera.faults())
            with self._fresh_frame:
                self._fresh_frame.notify_all()

    def _note_faults(self, before: tuple[DeviceFault, ...], now: tuple[DeviceFault, ...]) -> tuple[DeviceFault, ...]:
        """Raises and clears the faults that a camera reports of itself."""
        if now is not before and now != before:
            for fault in before:
                self._clear_fault(fault.id)
            for fault in now:
                self._raise_fault(fault)
        return now

    def _is_overdue(self, track: CameraTrack, started_ns: int) -> bool:
        newest = track.ring.newest
        return self._now_ns() - (started_ns if newest is None else newest.receive_time_ns) > track.lost_ns


def _lost_fault(name: str, now_ns: int, text: str) -> DeviceFault:
    return DeviceFault(
        id=f"camera_lost.{name}",
        source=FaultSource.CAMERA,
        severity=FaultSeverity.WARNING,
        onset_time_ns=now_ns,
        text=f"camera {name} delivers no frames ({text}); check its cable, it returns by itself",
    )


def _sampling_fault(now_ns: int) -> DeviceFault:
    return DeviceFault(
        id="sampling_failed",
        source=FaultSource.DAEMON,
        severity=FaultSeverity.CRITICAL,
        onset_time_ns=now_ns,
        text="the daemon can no longer sample the arm; restart the daemon, its log has the traceback",
        clearable=False,
    )
