"""Tells from the time alone where episodes begin and end, since LeRobot does not say it to a robot."""

from __future__ import annotations

import time
from collections.abc import Callable


class EpisodeClock:
    """Divides the time as `lerobot-record` does: an episode, a reset, an episode, ...

    It is asked at each observation; the first one begins an episode for which the arm was brought to its start before.
    LeRobot ends a part before the first observation after the part's time, counted
    from just before the first one in it; so does this clock, and where it is wrong it is late. Late means a step more
    at rest, never a reset inside an episode.

    Args:
        episode_time_s: Of an episode; 0 for no episodes.
        reset_time_s: Between two; 0 for none.
        clock: Seconds, monotonic.
    """

    def __init__(
        self, episode_time_s: float, reset_time_s: float, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._episode_time_s = episode_time_s
        self._reset_time_s = reset_time_s
        self._clock = clock
        self._since: float | None = None
        self.is_resting = False
        """Whether it is the time between two episodes."""

    def brings_to_start(self) -> bool:
        """Returns whether the arm goes to its start before the observation that is asked for now."""
        if not self._episode_time_s:
            return False
        now = self._clock()
        if self._since is None:
            self._since = now
            return False
        if now - self._since < (self._reset_time_s if self.is_resting else self._episode_time_s):
            return False
        self._since = now
        was_resting, self.is_resting = self.is_resting, not self.is_resting and self._reset_time_s > 0
        return not was_resting
