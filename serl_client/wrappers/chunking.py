"""Stacks past observations and executes several actions in a row."""

from __future__ import annotations

from collections import deque
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray


class Chunking(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Observation history and action chunks.

    The reward of a chunk is the *sum* of its steps' rewards; SERL's wrapper returns only the last one, so a reward
    inside a chunk is lost there. The chunk ends early when the episode does; `info["executed_steps"]` says after how
    many steps.

    Args:
        env: Environment with Box spaces, or a Dict of them.
        observation_horizon: Observations in the stack, oldest first; the first one is repeated at the start.
        action_horizon: Actions in a chunk, as the leading axis; None keeps single actions.

    Raises:
        ValueError: A horizon is below 1.
    """

    def __init__(
        self, env: gymnasium.Env[Any, Any], *, observation_horizon: int = 1, action_horizon: int | None = None
    ) -> None:
        super().__init__(env)
        if observation_horizon < 1 or (action_horizon is not None and action_horizon < 1):
            raise ValueError(f"horizons are {observation_horizon} and {action_horizon}; they must be at least 1")
        self._history: deque[Any] = deque(maxlen=observation_horizon)
        self._action_horizon = action_horizon
        self.observation_space = _stack_space(env.observation_space, observation_horizon)
        if action_horizon is not None:
            self.action_space = _stack_space(env.action_space, action_horizon)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Fills the history with the first observation."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._history.extend([observation] * (self._history.maxlen or 1))
        return self._stacked(), info

    def step(self, action: NDArray[Any]) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Executes a chunk, or as much of it as the episode allows.

        Raises:
            ValueError: The chunk has a wrong shape.
        """
        chunk = self._chunk(action)
        total = 0.0
        terminated = truncated = False
        info: dict[str, Any] = {}
        executed_steps = 0
        for single in chunk:
            observation, reward, terminated, truncated, info = self.env.step(single)
            self._history.append(observation)
            total += float(reward)
            executed_steps += 1
            if terminated or truncated:
                break
        return self._stacked(), total, terminated, truncated, info | {"executed_steps": executed_steps}

    def _chunk(self, action: NDArray[Any]) -> NDArray[Any]:
        if self._action_horizon is None:
            return np.asarray(action)[None]
        chunk = np.asarray(action)
        if chunk.shape != self.action_space.shape:
            raise ValueError(f"an action chunk has shape {chunk.shape}; it must be {self.action_space.shape}")
        return chunk

    def _stacked(self) -> Any:  # noqa: ANN401
        if isinstance(self._history[0], dict):
            return {key: np.stack([observation[key] for observation in self._history]) for key in self._history[0]}
        return np.stack(list(self._history))


def _stack_space(space: spaces.Space[Any], horizon: int) -> spaces.Space[Any]:
    if isinstance(space, spaces.Dict):
        return spaces.Dict({key: _stack_space(inner, horizon) for key, inner in space.spaces.items()})
    if not isinstance(space, spaces.Box):
        raise ValueError(f"Chunking needs Box spaces, not {space}")
    low = np.repeat(space.low[None], horizon, axis=0)
    high = np.repeat(space.high[None], horizon, axis=0)
    return spaces.Box(low, high, dtype=space.dtype.type)  # type: ignore[arg-type]
