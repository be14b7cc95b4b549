"""Reports how well the sensors of an episode were synchronised, and what was late, repeated or lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serl_client.episodes.files import Episode

_LATE_PERIODS = 1.5


@dataclass(frozen=True)
class SensorTiming:
    """Summarizes one sensor over an episode."""

    sensor: str
    """Such as "arm" or "camera/front"."""
    mean_skew_ms: float
    """Mean distance of its samples from the instants of the observations, ms."""
    largest_skew_ms: float
    """Largest such distance, ms."""
    repeated: int
    """Observations whose sample is that of the one before: nothing new had come."""
    unseen: int
    """Frames of a camera that no observation holds, because the next one came first; 0 of other sensors."""


@dataclass(frozen=True)
class EpisodeTiming:
    """Summarizes the times of one episode."""

    number: int
    """Place in the file, from 0."""
    steps: int
    """Environment steps."""
    rate_hz: float
    """Steps a second from first observation to last."""
    late_steps: int
    """Steps that took more than one and a half of the median period."""
    sensors: tuple[SensorTiming, ...]
    """Each sensor; none in files that tell nothing of them."""


def timing_of(number: int, episode: Episode) -> EpisodeTiming:
    """Summarizes the times of an episode."""
    gaps_ns = np.diff(episode.stamps_ns)
    seconds = float(gaps_ns.sum()) / 1e9
    late = gaps_ns > _LATE_PERIODS * np.median(gaps_ns) if len(gaps_ns) else np.zeros(0, np.bool_)
    return EpisodeTiming(
        number=number,
        steps=len(episode),
        rate_hz=round(len(episode) / seconds, 3) if seconds > 0 else 0.0,
        late_steps=int(late.sum()),
        sensors=tuple(_sensor(name, episode) for name in episode.sensor_stamps_ns),
    )


def _sensor(name: str, episode: Episode) -> SensorTiming:
    stamps_ns = episode.sensor_stamps_ns[name]
    skew_ms = np.abs(stamps_ns - episode.stamps_ns) / 1e6
    counts = episode.frame_numbers.get(name.removeprefix("camera/"), np.zeros(1, np.int64))
    return SensorTiming(
        sensor=name,
        mean_skew_ms=round(float(skew_ms.mean()), 3),
        largest_skew_ms=round(float(skew_ms.max()), 3),
        repeated=int((np.diff(stamps_ns) == 0).sum()),
        unseen=int(np.maximum(np.diff(counts) - 1, 0).sum()),
    )
