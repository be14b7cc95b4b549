"""Listens to a device for a second: how often it delivers, how late, with what gaps."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic

import numpy as np

from robot_daemon.hardware.devices import Camera, FrameSample
from robot_daemon.sensing.soft_sync import S, Stamped
from serl_api.errors.robot import DeviceUnavailableError

LISTEN_S = 1.0
"""How long each device is listened to, s."""

FIRST_FRAME_S = 3.0
"""How long a camera may take to its first frame, s."""

POLL_S = 0.0005
"""Time between two questions for a state, s."""


@dataclass(kw_only=True)
class Heard(Generic[S]):
    """Holds what a device delivered."""

    samples: list[S] = field(default_factory=list)
    """Those with a new stamp."""
    ages_ns: list[int] = field(default_factory=list)
    """Age of each when it was read."""
    error: str = ""
    """Why it fell silent; empty when it did not."""

    @property
    def rate_hz(self) -> float:
        """Returns samples a second, by their own stamps; 0 when there are fewer than two."""
        times = self._times()
        span = times[-1] - times[0] if len(times) > 1 else 0
        return (len(times) - 1) / (span * 1e-9) if span > 0 else 0.0

    @property
    def longest_gap_s(self) -> float:
        """Returns the longest time between two samples, s; 0 when there are fewer than two."""
        times = self._times()
        return float(np.diff(times).max()) * 1e-9 if len(times) > 1 else 0.0

    @property
    def median_age_s(self) -> float:
        """Returns the median age of a sample when it was read, s."""
        return float(np.median(self.ages_ns)) * 1e-9 if self.ages_ns else 0.0

    def _times(self) -> Sequence[int]:
        return [sample.time_ns for sample in self.samples]


def listen_to_states(read: Callable[[], S], now_ns: Callable[[], int]) -> Heard[S]:
    """Asks for states as fast as is sensible; keeps those that are new."""
    heard: Heard[S] = Heard()
    deadline = time.monotonic() + LISTEN_S
    while time.monotonic() < deadline:
        try:
            sample = read()
        except DeviceUnavailableError as error:
            heard.error = str(error)
            time.sleep(POLL_S)
            continue
        if not heard.samples or sample.time_ns > heard.samples[-1].time_ns:
            heard.samples.append(sample)
            heard.ages_ns.append(now_ns() - sample.time_ns)
        time.sleep(POLL_S)
    return heard


def listen_to_frames(camera: Camera, now_ns: Callable[[], int]) -> Heard[FrameSample]:
    """Waits for the first frame, then reads for a time."""
    heard: Heard[FrameSample] = Heard()
    try:
        camera.read(FIRST_FRAME_S)
    except DeviceUnavailableError as error:
        heard.error = str(error) or "no frame came"
        return heard
    deadline = time.monotonic() + LISTEN_S
    while time.monotonic() < deadline:
        try:
            frame = camera.read(0.5)
        except DeviceUnavailableError as error:
            heard.error = str(error)
            continue
        heard.samples.append(frame)
        heard.ages_ns.append(now_ns() - frame.time_ns)
    return heard


def skews_s(frames: Sequence[FrameSample], others: Sequence[Stamped]) -> list[float]:
    """Computes the distance of each exposure to the nearest one of another device, s; ends are left out."""
    times = np.array([sample.time_ns for sample in others], dtype=np.int64)
    if len(times) < 2:
        return []
    inner = [frame.time_ns for frame in frames if times[0] <= frame.time_ns <= times[-1]]
    return [float(np.abs(times - time_ns).min()) * 1e-9 for time_ns in inner]
