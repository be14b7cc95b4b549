"""Stacks past observations and executes several actions in a row."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Self, SupportsFloat

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from serl_api.settings import AT_LEAST_1, check_fields
from serl_client.episodes.info_keys import INTERVENTION, INTERVENTION_ACTION
from serl_client.wrappers.plugin import WrapperPlugin


class Chunking(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Stacks observations and executes action chunks.

    The reward of a chunk is the *sum* of its steps' rewards; SERL's wrapper returns only the last one, so a reward
    inside a chunk is lost there, and so are costs of the gripper. The chunk ends early when the episode does;
    `info["executed_steps"]` says after how many steps. Where somebody took over within a chunk,
    `info["intervention_action"]` is the chunk as it was executed: theirs where they did, the policy's elsewhere.

    Args:
        env: Environment with Box spaces, or a Dict of them.
        observation_horizon: Observations in the stack, oldest first; the first one is repeated at the start.
        action_horizon: Actions in a chunk, as the leading axis; None keeps single actions.
        flat: Whether chunks and stacks of vectors are flat vectors, as a learner stores them; of images the newest is
            seen then.

    Raises:
        ValueError: A horizon is below 1.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        *,
        observation_horizon: int = 1,
        action_horizon: int | None = None,
        flat: bool = False,
    ) -> None:
        super().__init__(env)
        if observation_horizon < 1 or (action_horizon is not None and action_horizon < 1):
            raise ValueError(f"horizons are {observation_horizon} and {action_horizon}; they must be at least 1")
        self._history: deque[Any] = deque(maxlen=observation_horizon)
        self._action_horizon = action_horizon
        self._flat = flat
        self.observation_space = _stack_space(env.observation_space, observation_horizon, flat=flat)
        if action_horizon is not None:
            self.action_space = _stack_space(env.action_space, action_horizon, flat=flat)

    @property
    def component_names(self) -> tuple[str, ...]:
        """Names the numbers of a flat stack of states, oldest first, such as "-1.tcp_position.0"."""
        names = self.env.get_wrapper_attr("component_names")
        ages = range(1 - (self._history.maxlen or 1), 1)
        return tuple(f"{age}.{name}" if age else name for age in ages for name in names)

    def around(self, wrap: Callable[[gymnasium.Env[Any, Any]], gymnasium.Env[Any, Any]]) -> Self:
        """Returns the same chunks with another wrapper around each single step."""
        result = type(self)(
            wrap(self.env),
            observation_horizon=self._history.maxlen or 1,
            action_horizon=self._action_horizon,
            flat=self._flat,
        )
        vars(result)["recorded_as"] = vars(self).get("recorded_as")
        return result

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
        executed = np.array(chunk)
        total, penalty = 0.0, 0.0
        terminated = truncated = is_intervention = False
        info: dict[str, Any] = {}
        executed_steps = 0
        for single in chunk:
            observation, reward, terminated, truncated, info = self.env.step(single)
            if INTERVENTION_ACTION in info:
                is_intervention, executed[executed_steps] = True, info[INTERVENTION_ACTION]
            self._history.append(observation)
            total += float(reward)
            penalty += float(info.get("grasp_penalty", 0.0))
            executed_steps += 1
            if terminated or truncated:
                break
        info = info | {"executed_steps": executed_steps}
        if is_intervention:
            whole = executed if self._action_horizon is not None else executed[0]
            info |= {INTERVENTION: True, INTERVENTION_ACTION: whole.ravel() if self._flat else whole}
        if "grasp_penalty" in info:
            info["grasp_penalty"] = penalty
        return self._stacked(), total, terminated, truncated, info

    def _chunk(self, action: NDArray[Any]) -> NDArray[Any]:
        chunk = np.asarray(action)
        if self._action_horizon is None:
            return chunk[None]
        if chunk.shape != self.action_space.shape:
            raise ValueError(f"an action chunk has shape {chunk.shape}; it must be {self.action_space.shape}")
        return chunk.reshape(self._action_horizon, *(self.env.action_space.shape or ()))

    def _stacked(self) -> Any:  # noqa: ANN401
        if isinstance(self._history[0], dict):
            return {key: self._stack([observation[key] for observation in self._history]) for key in self._history[0]}
        return self._stack(list(self._history))

    def _stack(self, arrays: list[NDArray[Any]]) -> NDArray[Any]:
        if not self._flat:
            return np.stack(arrays)
        return np.concatenate(arrays) if arrays[0].ndim == 1 else arrays[-1]


def around_steps(
    env: gymnasium.Env[Any, Any], wrap: Callable[[gymnasium.Env[Any, Any]], gymnasium.Env[Any, Any]]
) -> gymnasium.Env[Any, Any]:
    """Wraps single steps: inside the chunks, where an environment has them."""
    return env.around(wrap) if isinstance(env, Chunking) else wrap(env)


@dataclass(frozen=True, kw_only=True)
class ChunkingOptions:
    """Configures observation history and action chunks."""

    observation_horizon: Annotated[int, AT_LEAST_1] = 1
    """State vectors that are seen at once."""
    action_horizon: Annotated[int, AT_LEAST_1] = 4
    """Actions that are chosen at once."""

    def __post_init__(self) -> None:
        check_fields(self)


CHUNKING = WrapperPlugin(
    options=ChunkingOptions,
    build=lambda env, options: Chunking(
        env, observation_horizon=options.observation_horizon, action_horizon=options.action_horizon, flat=True
    ),
    place="chunk",
)
"""Rows of a replay are chunks then."""


def _stack_space(space: spaces.Space[Any], horizon: int, *, flat: bool) -> spaces.Space[Any]:
    if isinstance(space, spaces.Dict):
        return spaces.Dict({key: _stack_space(inner, horizon, flat=flat) for key, inner in space.spaces.items()})
    if not isinstance(space, spaces.Box):
        raise ValueError(f"Chunking needs Box spaces, not {space}")
    if flat and len(space.shape) > 1:
        return space
    low, high = (np.repeat(bound[None], horizon, axis=0) for bound in (space.low, space.high))
    if flat:
        low, high = low.ravel(), high.ravel()
    return spaces.Box(low, high, dtype=space.dtype.type)  # type: ignore[arg-type]
