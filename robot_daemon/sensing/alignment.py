"""Aligns recent samples of all sensors at one reference time. Knows no device, thread or clock.

Every method takes the present instant, so that a test can play years of it in a second.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from robot_daemon.config.cell_config import SyncConfig
from robot_daemon.hardware.devices import ArmSample, FrameSample, GripperSample
from robot_daemon.sensing.soft_sync import (
    Ring,
    Snapshot,
    interpolate_arm,
    interpolate_gripper,
    nearer,
    reference_time_ns,
)
from serl_api.cell import CameraInfo
from serl_api.values import SensorOffset

MIN_FRAMES = 16
MIN_OVERDUE_NS = 100_000_000
"""A host that is busy delays frames; so much does not make them late."""


class CameraTrack:
    """Keeps the frames of one camera that may still be asked for."""

    def __init__(self, info: CameraInfo, config: SyncConfig) -> None:
        period_s = 1.0 / info.rate_hz if info.rate_hz > 0.0 else 0.0
        self.name = info.name
        self.period_ns = round(period_s * 1e9)
        self.tolerance_ns = round(max(config.camera_tolerance_s, 0.6 * period_s) * 1e9)
        self.lost_ns = round(max(config.camera_lost_s, 3.0 * period_s) * 1e9)
        # A sensor that is nearly lost may set the reference time, so frames must reach back as far.
        length = max(MIN_FRAMES, math.ceil(1.2e-9 * self.lost_ns * info.rate_hz))
        self.ring: Ring[FrameSample] = Ring(length)

    def add(self, frame: FrameSample) -> None:
        """Adds a frame. One from the future would hide all that follow, so it counts as exposed on arrival."""
        if frame.time_ns > frame.receive_time_ns:
            frame = replace(frame, time_ns=frame.receive_time_ns)
        self.ring.append(frame)

    def newest(self, now_ns: int) -> FrameSample | None:
        """Returns the newest frame; None once it is too old to stand for the present."""
        frame = self.ring.newest
        return None if frame is None or now_ns - frame.receive_time_ns > self.lost_ns else frame

    def punctual(self, now_ns: int) -> FrameSample | None:
        """Returns the newest frame; None once the next ones are overdue, so that they hold back no other sensor."""
        frame = self.ring.newest
        overdue_ns = max(MIN_OVERDUE_NS, 5 * self.period_ns // 2)
        return None if frame is None or now_ns - frame.receive_time_ns > overdue_ns else frame

    def is_older_than(self, time_ns: int, now_ns: int) -> bool:
        """Returns whether the camera delivers, but its newest frame was exposed before a time."""
        frame = self.newest(now_ns)
        return frame is not None and frame.time_ns < time_ns


class Alignment:
    """Keeps the samples of all sensors. Each is written by one thread; any thread takes snapshots."""

    def __init__(self, config: SyncConfig, cameras: Mapping[str, CameraInfo], *, has_gripper: bool) -> None:
        length = max(2, round(config.history_s * config.sample_rate_hz))
        self.arm: Ring[ArmSample] = Ring(length)
        self.gripper: Ring[GripperSample] = Ring(length)
        self.cameras = {name: CameraTrack(info, config) for name, info in cameras.items()}
        self._has_gripper = has_gripper
        self._arm_tolerance_ns = round(config.arm_tolerance_s * 1e9)
        self._gripper_tolerance_ns = round(config.gripper_tolerance_s * 1e9)
        self._gripper_lost_ns = max(500_000_000, 10 * self._gripper_tolerance_ns)
        self._max_age_ns = {"aligned": None, "newest": 0, "max-age": round(config.max_age_s * 1e9)}[config.policy]

    def recent_gripper(self, now_ns: int) -> GripperSample | None:
        """Returns the newest sample of the gripper; None once it is too old to stand for the present."""
        state = self.gripper.newest
        return None if state is None or now_ns - state.time_ns > self._gripper_lost_ns else state

    def snapshot(self, cameras: Sequence[str], arm: ArmSample, gripper: GripperSample | None, now_ns: int) -> Snapshot:
        """Returns every sensor, and the cameras asked for, at one time. A late camera is not waited for."""
        tracks = [self.cameras[name] for name in cameras]
        delivering = {track.name: track.newest(now_ns) for track in tracks}
        latest, newest_gripper = arm.time_ns, gripper
        if gripper is not None and now_ns - gripper.time_ns <= MIN_OVERDUE_NS:
            latest = min(latest, gripper.time_ns)
        reference = self._reference_ns(tracks, latest, now_ns)
        before, after = self.arm.around(reference) or (arm, arm)
        offset = nearer(before, after, reference).time_ns - reference
        offsets = [SensorOffset("arm", offset, self._arm_tolerance_ns)]
        if self._has_gripper:
            gripper = self._gripper_at(reference, offsets, gripper)
        frames = []
        for track in tracks:
            frame = None if delivering[track.name] is None else track.ring.nearest(reference)
            late = 0 if frame is None else frame.time_ns - reference
            offsets.append(SensorOffset(f"camera/{track.name}", late, track.tolerance_ns, frame is None))
            if frame is not None:
                frames.append((track.name, frame))
        aligned = interpolate_arm(before, after, reference)
        if aligned.time_ns >= arm.time_ns:
            return Snapshot(reference, aligned, gripper, frames, offsets)
        return Snapshot(reference, aligned, gripper, frames, offsets, arm, newest_gripper)

    def _reference_ns(self, tracks: Sequence[CameraTrack], latest_ns: int, now_ns: int) -> int:
        youngest_ns = latest_ns
        punctual = [(track, frame) for track in tracks if (frame := track.punctual(now_ns)) is not None]
        for track, frame in punctual:  # Up to half a period after a frame, no other one of its camera is nearer.
            latest_ns = min(latest_ns, frame.time_ns + track.period_ns // 2)
        oldest_ns = latest_ns - 3 * max((track.period_ns for track, _ in punctual), default=0)
        aligned_ns = reference_time_ns([track.ring.stamps_after(oldest_ns) for track, _ in punctual], latest_ns)
        return aligned_ns if self._max_age_ns is None else max(aligned_ns, youngest_ns - self._max_age_ns)

    def _gripper_at(
        self, reference: int, offsets: list[SensorOffset], newest: GripperSample | None
    ) -> GripperSample | None:
        pair = None if newest is None else self.gripper.around(reference)
        if pair is None:
            offsets.append(SensorOffset("gripper", 0, self._gripper_tolerance_ns, missing=True))
            return None
        late = nearer(*pair, reference).time_ns - reference
        offsets.append(SensorOffset("gripper", late, self._gripper_tolerance_ns))
        return interpolate_gripper(*pair, reference)
