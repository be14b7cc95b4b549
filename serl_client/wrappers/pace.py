"""Keeps an environment from running faster than a person can follow."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, SupportsFloat

import gymnasium


class Pace(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Lets steps begin no sooner than one period after each other.

    A real arm and a simulator in real time take the period by themselves, and nothing is waited for here. A simulator
    in lockstep is as fast as the processor, which no hand can follow.

    Args:
        env: Any environment.
        rate_hz: Most steps a second.
        clock: Seconds, monotonic.
        sleep: Lets time pass, s.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        rate_hz: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(env)
        if rate_hz <= 0.0:
            raise ValueError(f"the rate is {rate_hz} Hz; it must be above 0")
        self._period_s = 1.0 / rate_hz
        self._clock = clock
        self._sleep = sleep
        self._next = clock()

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:  # noqa: ANN401
        """Takes a step when it is time."""
        result = self.env.step(action)
        now = self._clock()
        self._next = max(self._next + self._period_s, now)
        if self._next > now:
            self._sleep(self._next - now)
        return result
