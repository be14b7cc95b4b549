"""Records demonstrations: an expert drives an environment, successful episodes go to a file."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from serl_client.episodes import Episode, EpisodeHeader, EpisodeWriter
from serl_client.errors import RobotError

SUCCESS_LABELS = "success_labels"
"""Key of an episode's metadata: for each observation whether the task is done there, or null where nobody knows."""

_ATTEMPTS_A_DEMONSTRATION = 3


class Expert(Protocol):
    """Something that knows how to do a task."""

    def reset(self) -> None:
        """Begins an episode."""
        ...

    def action(self, observation: Mapping[str, NDArray[Any]], info: Mapping[str, Any]) -> NDArray[np.float32]:
        """Next action, from the observation and the raw info of the environment."""
        ...


@dataclass(frozen=True, kw_only=True)
class RecordingProgress:
    """How a recording stands."""

    recorded: int
    """Demonstrations in the file, of this recording."""
    attempts: int
    """Episodes driven."""
    steps: int
    """Steps of the last episode."""
    success: bool
    """Whether the last episode was kept."""


def record_demonstrations(
    env: gymnasium.Env[Any, Any],
    expert: Expert,
    count: int,
    path: Path | str,
    on_progress: Callable[[RecordingProgress], None] | None = None,
    *,
    seed: int | None = None,
) -> list[Episode]:
    """Drives until a number of episodes succeeded; those alone are kept.

    Ctrl-C loses only the episode under way.

    Args:
        env: Environment, wrapped as training uses it.
        expert: Who drives.
        count: Demonstrations to record, at least 1.
        path: File to append to.
        on_progress: Called after each episode.
        seed: Of the first scene; the others follow from it.

    Returns:
        The demonstrations.

    Raises:
        ValueError: `count` is below 1.
        RobotError: The expert fails too often.
        EpisodeFileError: The file is foreign or holds another task.
    """
    if count < 1:
        raise ValueError(f"count is {count}; it must be at least 1")
    episodes: list[Episode] = []
    with EpisodeWriter(path, episode_header(env)) as writer:
        for attempt in range(1, count * _ATTEMPTS_A_DEMONSTRATION + 1):
            episode = run_episode(env, expert, seed=seed if attempt == 1 else None)
            if episode.success:
                writer.append(episode)
                episodes.append(episode)
            if on_progress is not None:
                on_progress(
                    RecordingProgress(
                        recorded=len(episodes), attempts=attempt, steps=len(episode), success=episode.success
                    )
                )
            if len(episodes) == count:
                return episodes
    raise RobotError(
        f"the expert succeeded in {len(episodes)} of {count * _ATTEMPTS_A_DEMONSTRATION} episodes; {count} were wanted"
    )


def run_episode(env: gymnasium.Env[Any, Any], expert: Expert, *, seed: int | None = None) -> Episode:
    """Drives one episode to its end. Its metadata says of each observation whether the task is done there."""
    observation, info = env.reset(seed=seed)
    expert.reset()
    observations, stamps_ns = [observation], [int(info.get("stamp_ns", 0))]
    actions: list[NDArray[np.float32]] = []
    rewards: list[float] = []
    labels = [False]
    scene = {"scene_seed": info["scene_seed"]} if "scene_seed" in info else {}
    terminated = truncated = False
    while not (terminated or truncated):
        action = expert.action(observation, info)
        observation, reward, terminated, truncated, info = env.step(action)
        actions.append(np.asarray(action, np.float32))
        rewards.append(float(reward))
        observations.append(observation)
        stamps_ns.append(int(info.get("stamp_ns", 0)))
        labels.append(bool(info.get("success", False)))
    return Episode(
        observations={key: np.stack([one[key] for one in observations]) for key in observation},
        actions=np.stack(actions),
        rewards=np.array(rewards),
        terminated=bool(terminated),
        truncated=bool(truncated),
        interventions=np.ones(len(actions), bool),
        stamps_ns=np.array(stamps_ns, np.int64),
        success=any(labels),
        metadata=scene | {SUCCESS_LABELS: labels},
    )


def episode_header(env: gymnasium.Env[Any, Any]) -> EpisodeHeader:
    """Header for the episodes of an environment with Dict observations.

    Raises:
        ValueError: The observation is no Dict.
    """
    inner = env.observation_space
    if not isinstance(inner, spaces.Dict):
        raise ValueError(f"episodes are stored from Dict observations, not {inner}")
    specification: dict[str, Any] = {
        "observations": {key: [list(space.shape or ()), str(space.dtype)] for key, space in inner.spaces.items()},
        "action": [list(env.action_space.shape or ()), str(env.action_space.dtype)],
    }
    with contextlib.suppress(AttributeError):  # Not flattened: the keys themselves say what is what.
        specification["state_components"] = list(env.get_wrapper_attr("component_names"))
    return EpisodeHeader(task=env.spec.id if env.spec is not None else "", specification=specification)
