"""Synchronises sensors softly: rings of stamped samples, one reference time, and each sensor's value at it.

The reference time is the middle of the newest frames, one of each camera, that lie closest together; without cameras it
is the newest sample. Arm and gripper are interpolated there, a camera gives its nearest frame. The simpler rule, the
newest instant that every camera has covered, leaves twice the skew and is no fresher, and a single lost frame pushes it
beyond half a period (`benchmarks/soft_sync.py`). A sensor without a usable sample is reported as missing and holds
nobody up.
"""

import math
import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Generic, Protocol, TypeVar

import numpy as np

from robot_daemon.hardware.devices import ArmSample, FrameSample, GripperSample
from serl_api.rotation import slerp
from serl_api.values import FloatArray, Pose, SensorOffset, TrackedObject


class Stamped(Protocol):
    """Describes anything that was sampled at a time."""

    @property
    def time_ns(self) -> int:
        """Returns when, on the cell's clock."""
        ...


S = TypeVar("S", bound=Stamped)

AGE_WEIGHT = 0.15
"""Skew that a reference time may cost for being newer, s/s: frames a period of 33 ms older must be closer by 5 ms.
With more, a lost frame is answered by skew beyond half a period; with less, by older observations."""


class Ring(Generic[S]):
    """Keeps the newest samples of one sensor, oldest first. One thread appends, any thread reads."""

    def __init__(self, length: int) -> None:
        self._samples: deque[S] = deque(maxlen=length)
        self._lock = threading.Lock()

    def append(self, sample: S) -> None:
        """Adds a sample; one that is not newer than the newest is dropped."""
        with self._lock:
            if not self._samples or sample.time_ns > self._samples[-1].time_ns:
                self._samples.append(sample)

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._samples.clear()

    @property
    def newest(self) -> S | None:
        """Returns the last sample."""
        with self._lock:
            return self._samples[-1] if self._samples else None

    def around(self, time_ns: int) -> tuple[S, S] | None:
        """Returns the last sample up to a time and the first from it on; twice the nearest beyond the ends."""
        with self._lock:
            samples = self._samples
            if not samples:
                return None
            if time_ns >= samples[-1].time_ns:
                return samples[-1], samples[-1]
            index = bisect_left(samples, time_ns, key=lambda sample: sample.time_ns)
            after = samples[index]
            before = samples[index - 1] if index > 0 and after.time_ns > time_ns else after
            return before, after

    def stamps_after(self, time_ns: int) -> list[int]:
        """Returns the stamps of samples after a time, oldest first; always that of the newest, when there is one."""
        with self._lock:
            stamps: list[int] = []
            for sample in reversed(self._samples):
                if stamps and sample.time_ns <= time_ns:
                    break
                stamps.append(sample.time_ns)
            return stamps[::-1]

    def nearest(self, time_ns: int) -> S | None:
        """Returns the sample whose stamp is nearest to a time."""
        pair = self.around(time_ns)
        return None if pair is None else nearer(*pair, time_ns)


def nearer(before: S, after: S, time_ns: int) -> S:
    """Returns the one of two samples whose stamp is nearer to a time."""
    return before if time_ns - before.time_ns <= after.time_ns - time_ns else after


def reference_time_ns(cameras: Sequence[Sequence[int]], latest_ns: int) -> int:
    """Chooses the instant at which to compare all sensors.

    Args:
        cameras: Stamps of each camera's recent frames, ns, oldest first, at least one a camera.
        latest_ns: No instant after this one.

    Returns:
        The middle of the tightest recent set of frames, one of each camera; `latest_ns` when there is no camera.
    """
    stamps = sorted((stamp, camera) for camera, own in enumerate(cameras) for stamp in own)
    best_cost, best_ns = math.inf, latest_ns
    for first, (begin, _) in enumerate(stamps):
        seen: set[int] = set()
        for end, camera in islice(stamps, first, None):
            seen.add(camera)
            if len(seen) == len(cameras):
                middle = min((begin + end) // 2, latest_ns)
                cost = max(end - middle, middle - begin) + AGE_WEIGHT * (latest_ns - middle)
                if cost <= best_cost:
                    best_cost, best_ns = cost, middle
                break
    return best_ns


def interpolate_arm(before: ArmSample, after: ArmSample, time_ns: int) -> ArmSample:
    """Interpolates between two samples: orientation by slerp, the rest linearly, the success rate not at all."""
    r = _share(before, after, time_ns)
    if r in (0.0, 1.0):
        return after if r else before
    external = None
    if before.external_joint_torques is not None and after.external_joint_torques is not None:
        external = _lerp(before.external_joint_torques, after.external_joint_torques, r)
    return ArmSample(
        time_ns=time_ns,
        joint_positions=_lerp(before.joint_positions, after.joint_positions, r),
        joint_velocities=_lerp(before.joint_velocities, after.joint_velocities, r),
        joint_torques=_lerp(before.joint_torques, after.joint_torques, r),
        external_joint_torques=external,
        tcp_pose=_interpolate_pose(before.tcp_pose, after.tcp_pose, r),
        tcp_twist=_lerp(before.tcp_twist, after.tcp_twist, r),
        external_wrench=_lerp(before.external_wrench, after.external_wrench, r),
        jacobian=_lerp(before.jacobian, after.jacobian, r),
        command_success_rate=after.command_success_rate,
    )


def _interpolate_pose(before: Pose, after: Pose, r: float) -> Pose:
    a, b = before.quaternion_xyzw.tolist(), after.quaternion_xyzw.tolist()
    turn = slerp((a[0], a[1], a[2], a[3]), (b[0], b[1], b[2], b[3]), r)
    return Pose(_lerp(before.position, after.position, r), np.array(turn))


def interpolate_gripper(before: GripperSample, after: GripperSample, time_ns: int) -> GripperSample:
    """Interpolates the gripper between two samples: width and force linearly, the rest of the nearer sample."""
    r = _share(before, after, time_ns)
    if r in (0.0, 1.0):
        return after if r else before
    near = nearer(before, after, time_ns)
    force = near.force
    if before.force is not None and after.force is not None:
        force = before.force + (after.force - before.force) * r
    width = before.width + (after.width - before.width) * r
    return GripperSample(time_ns=time_ns, width=width, target_width=near.target_width, motion=near.motion, force=force)


def _share(before: Stamped, after: Stamped, time_ns: int) -> float:
    """Returns the share of the way from one sample to the other that lies before a time, in [0, 1]."""
    span = after.time_ns - before.time_ns
    return min(max((time_ns - before.time_ns) / span, 0.0), 1.0) if span > 0 else 1.0


def _lerp(a: FloatArray, b: FloatArray, ratio: float) -> FloatArray:
    return a + (b - a) * ratio


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Holds every requested sensor at one reference time."""

    reference_time_ns: int
    arm: ArmSample
    gripper: GripperSample | None
    frames: Sequence[tuple[str, FrameSample]]
    """By camera name, in the order asked; missing ones are left out."""
    offsets: Sequence[SensorOffset]
    newest_arm: ArmSample | None = None
    """The arm's newest sample, where it is younger than `arm`."""
    newest_gripper: GripperSample | None = None
    """The gripper's, likewise."""
    objects: Sequence[TrackedObject] | None = None
    """Of the reference time; None where the tracker's present ones are to be taken."""

    @property
    def synchronized(self) -> bool:
        """Returns whether every sensor delivered within its tolerance."""
        return all(offset.within for offset in self.offsets)
