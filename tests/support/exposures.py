"""Times the frames of a virtual camera: exposure, stamp of its own clock, arrival.

The truth is known, so that whatever estimates it can be measured. Everything is drawn from one seed and takes no time.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from robot_daemon.drivers.realsense.stamps import Domain, FrameTimes

GLOBAL_TIME_LAG_S = 15.0
"""How long librealsense's global time mixes clocks from before and after a step of the wall clock (15 polls, one a
second)."""
_COUNTER_US = 1 << 32


@dataclass(frozen=True, kw_only=True)
class CameraTiming:
    """Describes clock, exposure and transport of one camera."""

    rate_hz: float = 30.0
    """On the camera's own clock."""
    phase_s: float = 0.0
    """First exposure, s after the begin."""
    exposure_s: float = 0.008
    drift: float = 0.0
    """What its clock gains on the host's, s/s; crystals keep below 1e-4."""
    counter_us: int = 1_000_000
    """Its 32-bit counter at the begin."""
    latency_s: float = 0.015
    """Least time from the begin of the readout to arrival."""
    jitter_s: float = 0.0
    """Mean of what is added to it, exponentially distributed."""
    drop: float = 0.0
    """Probability that a frame is lost."""
    domain: Domain = Domain.GLOBAL
    has_metadata: bool = True
    global_bias_s: float = 0.0
    """Constant error of its global time, s; librealsense halves a round trip of about a millisecond."""
    global_noise_s: float = 0.0003
    """Standard deviation of the rest of that error."""
    wall_step_s: float = 0.0
    """Step of the host's wall clock at `wall_step_at_s`."""
    wall_step_at_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """Holds the times of one frame that arrives."""

    number: int
    middle_ns: int
    """True middle of the exposure on the host's monotonic clock."""
    times: FrameTimes
    """What a driver learns of it."""


def exposures(timing: CameraTiming, *, begin_ns: int = 0, wall_ns: int = 10**18, seed: int = 0) -> Iterator[Exposure]:
    """Yields the frames that arrive, in order, for ever."""
    random = np.random.default_rng(seed)
    arrival_ns = begin_ns
    number = 0
    while True:
        number += 1
        middle_s = timing.phase_s + (number - 1) / (timing.rate_hz * (1.0 + timing.drift))
        readout_s = middle_s + timing.exposure_s / 2.0
        delay_s = timing.latency_s + (random.exponential(timing.jitter_s) if timing.jitter_s else 0.0)
        noise_s = timing.global_bias_s + random.normal(0.0, timing.global_noise_s)
        arrival_ns = max(arrival_ns + 1, begin_ns + round((readout_s + delay_s) * 1e9))
        if random.random() < timing.drop:
            continue
        stepped_s = timing.wall_step_s if (arrival_ns - begin_ns) * 1e-9 >= timing.wall_step_at_s else 0.0
        counter_us = timing.counter_us + round(readout_s * (1.0 + timing.drift) * 1e6)
        middle_us = counter_us - round(timing.exposure_s / 2.0 * (1.0 + timing.drift) * 1e6)
        times = FrameTimes(
            domain=timing.domain,
            timestamp_ms=_timestamp_ms(timing, readout_s, noise_s, counter_us, wall_ns, arrival_ns - begin_ns),
            readout_us=counter_us % _COUNTER_US if timing.has_metadata else None,
            middle_us=middle_us % _COUNTER_US if timing.has_metadata else None,
            receive_ns=arrival_ns,
            wall_offset_ns=wall_ns - begin_ns + round(stepped_s * 1e9),
        )
        yield Exposure(number=number, middle_ns=begin_ns + round(middle_s * 1e9), times=times)


def _timestamp_ms(
    timing: CameraTiming, readout_s: float, noise_s: float, counter_us: int, wall_ns: int, arrived_ns: int
) -> float:
    if timing.domain is Domain.HARDWARE:
        return counter_us * 1e-3
    if timing.domain is Domain.SYSTEM:
        return (wall_ns + arrived_ns) * 1e-6
    since_s = readout_s - timing.wall_step_at_s
    known_s = timing.wall_step_s * min(max(since_s / GLOBAL_TIME_LAG_S, 0.0), 1.0)
    return wall_ns * 1e-6 + (readout_s + noise_s + known_s) * 1e3
