"""Real-time sensors: one thread samples arm and gripper, one thread reads each camera, rings keep what they saw."""

import logging
import threading
from collections.abc import Callable, Sequence

from robot_daemon.config import SyncConfig
from robot_daemon.devices import (
    ArmState,
    Camera,
    Cell,
    DeviceFault,
    DeviceUnavailableError,
    FaultSeverity,
    FaultSource,
    FrameSample,
    GripperState,
)
from robot_daemon.faults import FaultRegistry
from robot_daemon.sync import (
    Offset,
    Ring,
    Snapshot,
    interpolate_arm,
    interpolate_gripper,
    nearer,
    reference_time_ns,
)

logger = logging.getLogger(__name__)

FRAME_RING_LENGTH = 16


class CameraFeed:
    """One camera, its thread and its newest frames."""

    def __init__(self, camera: Camera, config: SyncConfig, now_ns: Callable[[], int]) -> None:
        info = camera.info
        period_s = 1.0 / info.rate_hz if info.rate_hz > 0.0 else 0.0
        self.name = info.name
        self.ring: Ring[FrameSample] = Ring(FRAME_RING_LENGTH)
        self.tolerance_ns = round(max(config.camera_tolerance_s, 0.6 * period_s) * 1e9)
        self.lost_ns = round(max(config.camera_lost_s, 3.0 * period_s) * 1e9)
        self.read_timeout_s = min(0.25, self.lost_ns * 1e-9)
        self.camera = camera
        self._now_ns = now_ns

    @property
    def newest(self) -> FrameSample | None:
        """Newest frame; None once it is too old to stand for the present."""
        frame = self.ring.newest
        if frame is None or self._now_ns() - frame.receive_time_ns > self.lost_ns:
            return None
        return frame

    def is_older_than(self, time_ns: int) -> bool:
        """Whether the camera delivers, but its newest frame was exposed before a time."""
        frame = self.newest
        return frame is not None and frame.time_ns < time_ns


class RealTimeSensors:
    """Sensors of a cell whose time passes by itself.

    Args:
        cell: The devices.
        config: Rates, tolerances.
        faults: Gets a warning "camera_lost.<name>" while a camera does not deliver.
        on_sample: Called by the sampling thread with each state of the arm.
    """

    def __init__(
        self, cell: Cell, config: SyncConfig, faults: FaultRegistry, on_sample: Callable[[ArmState], None]
    ) -> None:
        self._cell = cell
        self._now_ns = cell.timebase.now_ns
        self._faults = faults
        self._on_sample = on_sample
        self._interval_s = 1.0 / config.sample_rate_hz
        length = max(2, round(config.history_s * config.sample_rate_hz))
        self._arm: Ring[ArmState] = Ring(length)
        self._gripper: Ring[GripperState] = Ring(length)
        self._arm_tolerance_ns = round(config.arm_tolerance_s * 1e9)
        self._gripper_tolerance_ns = round(config.gripper_tolerance_s * 1e9)
        self._gripper_lost_ns = max(500_000_000, 10 * self._gripper_tolerance_ns)
        self._feeds = {name: CameraFeed(camera, config, self._now_ns) for name, camera in cell.cameras.items()}
        self._closing = threading.Event()
        self._fresh_frame = threading.Condition()
        self._threads = [threading.Thread(target=self._sample_forever, name="sample-arm", daemon=True)]
        for feed in self._feeds.values():
            reader = threading.Thread(target=self._read_forever, args=(feed,), name=f"read-{feed.name}", daemon=True)
            self._threads.append(reader)
        for thread in self._threads:
            thread.start()

    def arm_state(self) -> ArmState:
        """Newest state, read from the driver now."""
        state = self._cell.arm.read_state()
        self._arm.append(state)
        return state

    def gripper_state(self) -> GripperState | None:
        """Newest state, read from the driver now; None while the gripper is silent."""
        if self._cell.gripper is None:
            return None
        try:
            state = self._cell.gripper.read_state()
        except DeviceUnavailableError:
            newest = self._gripper.newest
            return newest if newest is not None and self._is_recent(newest) else None
        self._gripper.append(state)
        return state

    def snapshot(self, cameras: Sequence[str]) -> Snapshot:
        """Every sensor at the newest instant that all of them have covered."""
        arm = self.arm_state()
        gripper = self.gripper_state()
        feeds = [self._feeds[name] for name in cameras]
        reference = reference_time_ns([arm, gripper, *(feed.newest for feed in feeds)], self._now_ns())
        before, after = self._arm.around(reference) or (arm, arm)
        offset = nearer(before, after, reference).time_ns - reference
        offsets = [Offset("arm", offset, self._arm_tolerance_ns)]
        if self._cell.gripper is not None:
            gripper = self._gripper_at(reference, offsets, gripper)
        frames = []
        for feed in feeds:
            frame = None if feed.newest is None else feed.ring.nearest(reference)
            late = 0 if frame is None else frame.time_ns - reference
            offsets.append(Offset(f"camera/{feed.name}", late, feed.tolerance_ns, frame is None))
            if frame is not None:
                frames.append((feed.name, frame))
        return Snapshot(reference, interpolate_arm(before, after, reference), gripper, frames, offsets)

    def newest_frame(self, camera: str) -> FrameSample | None:
        """Newest frame; None when the camera does not deliver."""
        return self._feeds[camera].newest

    def wait_for_frames(self, timeout_s: float) -> None:
        """Returns when some camera has a newer frame, or after a time."""
        with self._fresh_frame:
            self._fresh_frame.wait(timeout_s)

    def is_delivering(self, camera: str) -> bool:
        """Whether a camera delivers at present."""
        return self._feeds[camera].newest is not None

    def forget(self, cameras: Sequence[str] = ()) -> None:
        """Drops samples of arm and gripper; waits until some cameras have exposed since, or are late."""
        changed_ns = self._now_ns()
        self._arm.clear()
        self._gripper.clear()
        feeds = [self._feeds[name] for name in cameras]
        deadline_ns = changed_ns + max((feed.lost_ns for feed in feeds), default=0)
        with self._fresh_frame:
            while any(feed.is_older_than(changed_ns) for feed in feeds) and self._now_ns() < deadline_ns:
                self._fresh_frame.wait(0.05)

    def close(self) -> None:
        """Ends every thread; devices stay open."""
        self._closing.set()
        for thread in self._threads:
            thread.join(timeout=5.0)

    def _is_recent(self, state: GripperState) -> bool:
        return self._now_ns() - state.time_ns <= self._gripper_lost_ns

    def _gripper_at(self, reference: int, offsets: list[Offset], newest: GripperState | None) -> GripperState | None:
        pair = None if newest is None else self._gripper.around(reference)
        if pair is None:
            offsets.append(Offset("gripper", 0, self._gripper_tolerance_ns, missing=True))
            return None
        late = nearer(*pair, reference).time_ns - reference
        offsets.append(Offset("gripper", late, self._gripper_tolerance_ns))
        return interpolate_gripper(*pair, reference)

    def _sample_forever(self) -> None:
        while not self._closing.wait(self._interval_s):
            try:
                self._sample()
            except Exception:
                logger.exception("the sampling thread met a bug; the arm is treated as faulted")
                self._faults.raise_fault(_sampling_fault(self._now_ns()))
                return

    def _sample(self) -> None:
        try:
            state = self.arm_state()
        except DeviceUnavailableError:
            return
        self.gripper_state()
        self._on_sample(state)

    def _read_forever(self, feed: CameraFeed) -> None:
        started_ns = self._now_ns()
        while not self._closing.is_set():
            try:
                frame = feed.camera.read(feed.read_timeout_s)
            except DeviceUnavailableError as error:
                self._note_lost(feed, started_ns, str(error))
                self._closing.wait(0.02)
                continue
            except Exception:
                logger.exception("the thread of camera %s met a bug; the camera is lost", feed.name)
                self._faults.raise_fault(_lost_fault(feed.name, self._now_ns(), "its driver failed; see the log"))
                return
            feed.ring.append(frame)
            self._faults.clear_fault(f"camera_lost.{feed.name}") if self._is_lost(feed) else None
            with self._fresh_frame:
                self._fresh_frame.notify_all()

    def _is_lost(self, feed: CameraFeed) -> bool:
        return self._faults.is_active(f"camera_lost.{feed.name}")

    def _note_lost(self, feed: CameraFeed, started_ns: int, text: str) -> None:
        newest = feed.ring.newest
        since = started_ns if newest is None else newest.receive_time_ns
        if self._now_ns() - since > feed.lost_ns and not self._is_lost(feed):
            self._faults.raise_fault(_lost_fault(feed.name, self._now_ns(), text))


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
