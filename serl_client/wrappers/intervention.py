"""Lets a person or a script take over from the policy, step by step, and says what was executed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from numpy.typing import NDArray

from serl_client.episodes.info_keys import INTERVENTION, INTERVENTION_ACTION
from serl_client.teleop.intervention_source import InterventionSource


class Intervention(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Lets a person or a script replace any action.

    * `info["intervention"]` says of each step whether that happened, `info["intervention_action"]` what was executed
      then: in the policy's own frame and range, so that it can be stored as the policy's action.
    * A source acts in base axes. Around a `RelativeFrame` its action is turned into the policy's frame *first* and goes
      the policy's way from there, so that what is stored is exactly what was executed. (SERL's wrapper sits inside the
      frame; what was stored there was wrong until its v0.1.1.)
    * A corner of the box in base axes may lie outside it in the policy's: the vector is shortened, not bent.

    Args:
        env: Environment, any observation; its info has the raw values that the source needs.
        source: Who may intervene.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], source: InterventionSource) -> None:
        super().__init__(env)
        self._source = source
        self._observation: Any = None
        self._info: dict[str, Any] = {}
        self._is_suspended = False
        self._to_base = _turner(env, "to_base")
        self._from_base = _turner(env, "from_base")

    @contextlib.contextmanager
    def suspended(self) -> Iterator[None]:
        """Suspends interventions within this block, as in an evaluation."""
        before, self._is_suspended = self._is_suspended, True
        try:
            yield
        finally:
            self._is_suspended = before

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begins an episode, for the intervention source too."""
        self._observation, self._info = self.env.reset(seed=seed, options=options)
        self._source.reset(self._observation, self._info)
        return self._observation, self._info

    def step(self, action: NDArray[Any]) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Executes the source's action if there is one, else the policy's."""
        intervention = self._ask(action)
        executed = action if intervention is None else intervention
        self._observation, reward, terminated, truncated, info = self.env.step(executed)
        self._info = info | {INTERVENTION: intervention is not None}
        if intervention is not None:
            self._info[INTERVENTION_ACTION] = intervention
        return self._observation, reward, terminated, truncated, self._info

    def _ask(self, action: NDArray[Any]) -> NDArray[Any] | None:
        if self._is_suspended:
            return None
        intervention = self._source.intervene(self._to_base(action), self._observation, self._info)
        return None if intervention is None else self._from_base(np.clip(intervention, -1.0, 1.0)).astype(np.float32)


def _turner(env: gymnasium.Env[Any, Any], name: str) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Returns a method of the relative frame inside, if there is one."""
    try:
        return env.get_wrapper_attr(name)
    except AttributeError:
        return np.asarray
