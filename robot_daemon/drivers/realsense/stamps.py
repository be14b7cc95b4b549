"""Stamps RealSense frames: the middle of the exposure on the daemon's clock, and how far to trust it.

The camera counts microseconds. `librealsense` relates its count to the host's wall clock by asking it for the time now
and then ("global time"); that relation is right to about a millisecond, but a step of the wall clock confuses it for
about a quarter of a minute. So a frame's place in time comes from the camera's own count, and the relation only gives
the constant between the two clocks: its median over the last minute.
"""

from dataclasses import dataclass
from enum import Enum, auto

import numpy as np

from robot_daemon.drivers.realsense.clock import Counter, DeviceClock, counts_between
from serl_api.enums import StampSource

MAX_LATENCY_NS = 300_000_000
"""From readout to arrival; more is no transport but a wrong clock."""
SLACK_NS = 2_000_000
"""Error of a global stamp, which may so lie after the arrival."""
PAIR_SPACING_NS = 50_000_000
PAIRS = 1200
RESTART_NS = 2_000_000_000
"""A step of the camera's count, beyond what passed on the host, that means that it began anew."""

NO_METADATA = (
    "its frames carry no metadata, so their stamps are times of arrival minus latency_s; install the patched kernel "
    "driver (librealsense2-dkms) or a librealsense that was built with FORCE_RSUSB_BACKEND"
)
NO_GLOBAL_TIME = (
    "its clock is not related to the host's (no global time), so its stamps have a constant error of the least "
    "transport delay beyond latency_s; update its firmware to one that has global_time_enabled"
)
NO_EXPOSURE_TIME = (
    "its frames do not tell the middle of their exposure, so their stamps are late by half an exposure; update its "
    "firmware"
)


class Domain(Enum):
    """Names the clock that a frame's own stamp is on."""

    GLOBAL = auto()
    """The camera's, mapped to the wall clock of the host."""
    HARDWARE = auto()
    """The camera's."""
    SYSTEM = auto()
    """The host's wall clock on arrival."""


@dataclass(frozen=True, kw_only=True)
class FrameTimes:
    """Holds what the library says about the time of one frame, and when it came."""

    domain: Domain
    timestamp_ms: float
    """On the clock of `domain`."""
    readout_us: int | None
    """Metadata `frame_timestamp`: begin of the readout on the camera's 32-bit counter."""
    middle_us: int | None
    """Metadata `sensor_timestamp`: middle of the exposure on that counter."""
    receive_ns: int
    """Arrival on the daemon's clock."""
    wall_offset_ns: int | None
    """Wall clock minus the daemon's, when the frame came; None when unknown."""


@dataclass(frozen=True)
class Stamp:
    """Holds the middle of an exposure."""

    time_ns: int
    source: StampSource
    problem: str
    """Why it is not as good as it could be, and what helps; empty when it is."""


class Stamper:
    """Stamps the frames of one camera in order, by `latency_ns` where nothing else tells their exposure."""

    def __init__(self, latency_ns: int) -> None:
        self._latency_ns = latency_ns
        self._last_ns = -(1 << 62)
        self._begin()

    def stamp(self, times: FrameTimes) -> Stamp:
        """Stamps the next frame: never after its arrival, always after the last one's."""
        stamp = self._on_arrival(times) if times.readout_us is None else self._on_count(times, times.readout_us)
        self._last_ns = max(min(stamp.time_ns, times.receive_ns), self._last_ns + 1)
        return Stamp(self._last_ns, stamp.source, stamp.problem)

    def _begin(self) -> None:
        self._counter = Counter()
        self._clock = DeviceClock()
        self._offset = GlobalOffset()
        self._last_pair: tuple[int, int] | None = None

    def _on_arrival(self, times: FrameTimes) -> Stamp:
        return Stamp(times.receive_ns - self._latency_ns, StampSource.ARRIVAL, NO_METADATA)

    def _on_count(self, times: FrameTimes, readout_us: int) -> Stamp:
        device_ns = self._counter.unwrap_ns(readout_us)
        if self._has_restarted(device_ns, times.receive_ns):
            self._begin()
            device_ns = self._counter.unwrap_ns(readout_us)
        self._last_pair = (device_ns, times.receive_ns)
        self._clock.add(device_ns, times.receive_ns)
        if times.domain is Domain.GLOBAL and times.wall_offset_ns is not None:
            host_ns = round(times.timestamp_ms * 1e6) - times.wall_offset_ns
            if -SLACK_NS <= times.receive_ns - host_ns <= MAX_LATENCY_NS:
                self._offset.add(device_ns, host_ns)
        before_ns = 0 if times.middle_us is None else counts_between(times.middle_us, readout_us) * 1000
        offset_ns = self._offset.at(device_ns, self._clock.slope)
        if offset_ns is None:
            time_ns = self._clock.earliest_ns(device_ns) - self._latency_ns
            return Stamp(time_ns - before_ns, StampSource.ARRIVAL, NO_GLOBAL_TIME)
        problem = NO_EXPOSURE_TIME if times.middle_us is None else ""
        return Stamp(device_ns + offset_ns - before_ns, StampSource.SENSOR, problem)

    def _has_restarted(self, device_ns: int, receive_ns: int) -> bool:
        if self._last_pair is None:
            return False
        passed_ns = device_ns - self._last_pair[0]
        waited_ns = receive_ns - self._last_pair[1]
        return passed_ns <= 0 or passed_ns - waited_ns > RESTART_NS or waited_ns - passed_ns > 10 * RESTART_NS


class GlobalOffset:
    """Estimates host clock minus device clock: the median of what global stamps said in the last minute."""

    def __init__(self) -> None:
        self._origin = (0, 0)
        self._said = np.zeros((PAIRS, 2))
        self._count = 0
        self._newest_ns = 0

    def add(self, device_ns: int, host_ns: int) -> None:
        """Takes in one global stamp; those that come too densely are left out."""
        if self._count == 0:
            self._origin = (device_ns, host_ns - device_ns)
        elif device_ns - self._newest_ns < PAIR_SPACING_NS:
            return
        # Differences from the first pair are small enough for float64, the times themselves are not.
        row = (device_ns - self._origin[0], host_ns - device_ns - self._origin[1])
        self._said[self._count % PAIRS] = row
        self._count += 1
        self._newest_ns = device_ns

    def at(self, device_ns: int, slope: float) -> int | None:
        """Returns the offset at an instant, ns; None when nothing was said within the last minute.

        Args:
            device_ns: The instant, on the device's clock.
            slope: What the host gains on the device, s/s.
        """
        if self._count == 0 or device_ns - self._newest_ns > PAIRS * PAIR_SPACING_NS:
            return None
        said = self._said[: min(self._count, PAIRS)]
        passed = device_ns - self._origin[0]
        return self._origin[1] + round(float(np.median(said[:, 1] + slope * (passed - said[:, 0]))))
