"""Intervenes by a script as a person would: takes over when the policy makes no progress, then returns control."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from serl_api.settings import AT_LEAST_0, AT_LEAST_1, RATIO, check_fields, require
from serl_api.values import FloatArray
from serl_client.episodes.expert import EnvInfo, EnvObservation, Expert

_TCP_POSES = ("tcp_pose", "left/tcp_pose", "right/tcp_pose")
"""Keys of the info: of one arm, or of two, which stand still when both do."""


@dataclass(frozen=True, kw_only=True)
class CorrectionConfig:
    """Says when a scripted expert intervenes, and for how long."""

    stall_steps: Annotated[int, AT_LEAST_0] = 15
    """Steps in which the TCP must get somewhere; 0 for never."""
    stall_distance: Annotated[float, AT_LEAST_0] = 0.02
    """Distance that counts as somewhere, m."""
    stray_steps: Annotated[int, AT_LEAST_0] = 10
    """Steps over which policy and expert are compared; 0 for never."""
    stray_distance: Annotated[float, AT_LEAST_0] = 0.8
    """Mean difference of a component of their actions from which the policy strays, of at most 2."""
    probability: Annotated[float, RATIO] = 0.0
    """Chance of taking over at any step, whatever the policy does, in [0, 1]."""
    min_steps: Annotated[int, AT_LEAST_1] = 5
    """Steps of a correction at least."""
    max_steps: Annotated[int, AT_LEAST_1] = 15
    """Steps of a correction at most."""
    rest_steps: Annotated[int, AT_LEAST_0] = 10
    """Steps that the policy has to itself at the start and after a correction."""

    def __post_init__(self) -> None:
        """Refuses values that cannot work."""
        check_fields(self)
        require("min_steps", self.min_steps, self.min_steps <= self.max_steps, f"at most max_steps, {self.max_steps}")


class ScriptedIntervention:
    """Watches a policy and lets an expert take over where it makes no progress; an `InterventionSource`.

    The expert begins anew each time, because it did not drive what went before.

    Args:
        expert: Who knows how; acts on the raw info, in `base` axes.
        config: When, and for how long.
        seed: Of chance and durations.
    """

    def __init__(self, expert: Expert, config: CorrectionConfig, seed: int | None = None) -> None:
        self._expert = expert
        self._config = config
        self._rng = np.random.default_rng(seed)
        self._positions: deque[FloatArray] = deque(maxlen=config.stall_steps + 1)
        self._differences: deque[float] = deque(maxlen=max(config.stray_steps, 1))
        self._left = 0
        self._rest = config.rest_steps

    def reset(self, observation: EnvObservation, info: EnvInfo) -> None:
        """Begins an episode."""
        del observation, info
        self._let_go()

    def intervene(self, action: NDArray[Any], observation: EnvObservation, info: EnvInfo) -> NDArray[Any] | None:
        """Returns the expert's action during an intervention, else None."""
        if self._left == 0 and not self._takes_over(action, observation, info):
            return None
        self._left -= 1
        correction = self._expert.action(observation, info)
        if self._left == 0:
            self._let_go()
        return correction

    def _takes_over(self, action: NDArray[Any], observation: EnvObservation, info: EnvInfo) -> bool:
        """Watches one step of the policy; returns whether a correction begins."""
        self._watch(action, observation, info)
        if self._rest > 0:
            self._rest -= 1
            return False
        is_chosen = self._config.probability > 0.0 and self._rng.random() < self._config.probability
        if not (is_chosen or self._is_stalled() or self._is_straying()):
            return False
        self._left = int(self._rng.integers(self._config.min_steps, self._config.max_steps + 1))
        self._expert.reset()
        return True

    def _watch(self, action: NDArray[Any], observation: EnvObservation, info: EnvInfo) -> None:
        found = [np.asarray(info[key], float)[:3] for key in _TCP_POSES if key in info]
        if found:
            self._positions.append(np.concatenate(found))
        if self._config.stray_steps:
            wanted = self._expert.action(observation, info)
            self._differences.append(float(np.abs(np.asarray(wanted, float) - action).mean()))

    def _is_stalled(self) -> bool:
        if not self._config.stall_steps or len(self._positions) <= self._config.stall_steps:
            return False
        farthest = max(float(np.linalg.norm(position - self._positions[0])) for position in self._positions)
        return farthest < self._config.stall_distance

    def _is_straying(self) -> bool:
        if not self._config.stray_steps or len(self._differences) < self._config.stray_steps:
            return False
        return float(np.mean(self._differences)) > self._config.stray_distance

    def _let_go(self) -> None:
        self._positions.clear()
        self._differences.clear()
        self._left = 0
        self._rest = self._config.rest_steps
        self._expert.reset()
