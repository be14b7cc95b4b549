"""Sums up each episode in the info of its last step."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, SupportsFloat

import gymnasium

from serl_client.episodes.info_keys import INTERVENTION_ACTION


class EpisodeStatistics(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Adds `info["episode"]` at the end of an episode.

    It holds "return", "length" (steps), "duration_s", "success" (whether any step reported it) and
    "intervention_ratio" (share of steps whose info has an "intervention_action").

    Args:
        env: Any environment.
        clock: Seconds, monotonic.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], *, clock: Callable[[], float] = time.perf_counter) -> None:
        super().__init__(env)
        self._clock = clock
        self._begin()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begins a new sum."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._begin()
        return observation, info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:  # noqa: ANN401
        """Adds one step."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._return += float(reward)
        self._length += 1
        self._interventions += INTERVENTION_ACTION in info
        self._success |= bool(info.get("success", False))
        if terminated or truncated:
            info = info | {"episode": self._summary()}
        return observation, reward, terminated, truncated, info

    def _begin(self) -> None:
        self._started_s = self._clock()
        self._return = 0.0
        self._length = 0
        self._interventions = 0
        self._success = False

    def _summary(self) -> dict[str, float]:
        return {
            "return": self._return,
            "length": self._length,
            "duration_s": self._clock() - self._started_s,
            "success": self._success,
            "intervention_ratio": self._interventions / self._length,
        }
