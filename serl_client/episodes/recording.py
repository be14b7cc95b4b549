"""Records demonstrations: an expert drives an environment, successful episodes go to a file."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from serl_api.errors.robot import RobotError
from serl_api.lifetime.closing import ClosedOnExit
from serl_client.episodes.expert import Expert
from serl_client.episodes.files import Episode, EpisodeHeader, EpisodeWriter
from serl_client.episodes.info_keys import INTERVENTION, INTERVENTION_ACTION
from serl_client.episodes.snapshots import SnapshotLog

SUCCESS_LABELS = "success_labels"
"""Key of an episode's metadata: for each observation whether the task is done there, or null where nobody knows."""

ACTION_BOUNDS = "action_bounds"
"""Key of a header's specification: what -1 and 1 of each component of an action mean, in SI units; of joint positions
and wrenches."""
LABEL = "success_label"
"""Key of a step's info: whether a person says that the task is done now."""
DISCARDED = "discarded"
"""Key of a step's info, and of an episode's metadata: whether a person wants it forgotten."""

_ATTEMPTS_A_DEMONSTRATION = 3
_LONGEST_REPEAT_NS = 800_000_000
_UNSURE = 2


@dataclass(frozen=True, kw_only=True)
class RecordingProgress:
    """Reports the progress of a recording."""

    recorded: int
    """Demonstrations in the file, of this recording."""
    attempts: int
    """Episodes driven."""
    steps: int
    """Steps of the last episode."""
    success: bool
    """Whether the task was done in it."""
    kept: bool
    """Whether it is in the file."""


class EpisodeRecorder(ClosedOnExit):
    """Records episodes into a file. A context manager.

    Raises:
        EpisodeFileError: The file is foreign, holds another task, or is being written by another process.
    """

    def __init__(self, path: Path | str, header: EpisodeHeader) -> None:
        self._writer = EpisodeWriter(path, header)
        self.episodes: list[Episode] = []

    def add(self, episode: Episode) -> None:
        """Writes an episode; when this returns, the disk has it."""
        self._writer.append(episode)
        self.episodes.append(episode)

    def take_back(self) -> bool:
        """Removes the episode that was added last, once; returns whether there was one."""
        if not self._writer.remove_last():
            return False
        self.episodes.pop()
        return True

    def close(self) -> None:
        """Closes the file. Safe to repeat."""
        self._writer.close()


def record_demonstrations(
    env: gymnasium.Env[Any, Any],
    expert: Expert,
    count: int,
    path: Path | str,
    on_progress: Callable[[RecordingProgress], None] | None = None,
    *,
    seed: int | None = None,
) -> list[Episode]:
    """Records an expert's episodes until a number of them succeeded; keeps those alone.

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
    limit = count * _ATTEMPTS_A_DEMONSTRATION
    with EpisodeRecorder(path, episode_header(env)) as recorder:
        attempts = record_episodes(
            env,
            expert,
            recorder,
            is_done=lambda attempts: len(recorder.episodes) >= count or attempts >= limit,
            on_progress=on_progress,
            seed=seed,
        )
        if len(recorder.episodes) >= count:
            return recorder.episodes
    raise RobotError(f"the expert succeeded in {len(recorder.episodes)} of {attempts} episodes; {count} were wanted")


def record_episodes(
    env: gymnasium.Env[Any, Any],
    expert: Expert,
    recorder: EpisodeRecorder,
    *,
    is_done: Callable[[int], bool],
    keeps: Callable[[Episode], bool] = lambda episode: episode.success,
    on_progress: Callable[[RecordingProgress], None] | None = None,
    seed: int | None = None,
) -> int:
    """Drives episodes until it is enough; discarded ones are never kept.

    Args:
        env: Environment, wrapped as training uses it.
        expert: Who drives.
        recorder: Takes the episodes.
        is_done: Asked before each episode, with the number of those driven.
        keeps: Whether an episode goes to the file.
        on_progress: Called after each episode.
        seed: Of the first scene; the others follow from it.

    Returns:
        Episodes driven.
    """
    attempts = 0
    while not is_done(attempts):
        episode = run_episode(env, expert, seed=seed if attempts == 0 else None)
        attempts += 1
        is_kept = len(episode) > 0 and not episode.metadata.get(DISCARDED, False) and keeps(episode)
        if is_kept:
            recorder.add(episode)
        if on_progress is not None:
            on_progress(
                RecordingProgress(
                    recorded=len(recorder.episodes),
                    attempts=attempts,
                    steps=len(episode),
                    success=episode.success,
                    kept=is_kept,
                )
            )
    return attempts


def run_episode(env: gymnasium.Env[Any, Any], expert: Expert, *, seed: int | None = None) -> Episode:
    """Drives one episode to its end. Its metadata says of each observation whether the task is done there.

    Stored is what was executed: an intervention's action where `Intervention` let one take over. A label that a person
    gives by key goes before the environment's own word; see `RecordingKeys`. An episode that a person ends as a failure
    is none of the successes, whatever it showed before. Of a robot, joints and the stamps of each sensor are kept as
    well, whatever the policy observes.
    """
    observation, info = env.reset(seed=seed)
    expert.reset()
    snapshots = SnapshotLog(env)
    snapshots.take()
    observations, infos = [observation], [info]
    actions: list[NDArray[np.float32]] = []
    rewards: list[float] = []
    terminated = truncated = False
    while not (terminated or truncated):
        action = expert.action(observation, info)
        observation, reward, terminated, truncated, info = env.step(action)
        # As the environment executes it: an action beyond [-1, 1] would make the whole file unfit for a learner.
        actions.append(np.clip(np.array(info.get(INTERVENTION_ACTION, action), np.float32), -1.0, 1.0))
        rewards.append(float(reward))
        observations.append(observation)
        infos.append(info)
        snapshots.take()
    stamps_ns = np.array([int(info.get("stamp_ns", 0)) for info in infos], np.int64)
    labels: list[bool | None] = [False, *(bool(info.get(LABEL, info.get("success", False))) for info in infos[1:])]
    if LABEL in info:
        labels = bridged_labels(labels, stamps_ns)
    if info.get("judged") == "success":  # A person presses the key after they have seen it.
        labels[-1 - _UNSURE : -1] = [label or None for label in labels[-1 - _UNSURE : -1]]
    metadata: dict[str, Any] = {key: infos[0][key] for key in ("scene_seed",) if key in infos[0]}
    if info.get(DISCARDED, False):
        metadata[DISCARDED] = True
    has_penalty = "grasp_penalty" in info
    return Episode(
        observations={key: np.stack([one[key] for one in observations]) for key in observation},
        actions=np.stack(actions),
        rewards=np.array(rewards),
        terminated=bool(terminated),
        truncated=bool(truncated),
        interventions=np.array([bool(info.get(INTERVENTION, True)) for info in infos[1:]]),
        stamps_ns=stamps_ns,
        success=any(labels) and info.get("judged") != "failure",
        metadata=metadata | {SUCCESS_LABELS: labels},
        grasp_penalties=np.array([info["grasp_penalty"] for info in infos[1:]], np.float32) if has_penalty else None,
        control_rate_hz=_control_rate_hz(env),
        **snapshots.arrays(),
    )


def _control_rate_hz(env: gymnasium.Env[Any, Any]) -> float | None:
    try:
        return float(env.get_wrapper_attr("control_rate_hz"))
    except AttributeError:
        return None


def bridged_labels(labels: Sequence[bool | None], stamps_ns: NDArray[np.int64]) -> list[bool | None]:
    """Bridges the gaps between a held key's repeats in the labels.

    A terminal repeats a key that is held only after up to 0.7 s, and tells no release. What lies between two presses so
    close together was most likely a success, and is labelled as neither.

    Args:
        labels: Of each observation.
        stamps_ns: When it was made. Shape (T + 1,), ns.
    """
    result, last = list(labels), None
    for index, label in enumerate(labels):
        if not label:
            continue
        if last is not None and 0 < stamps_ns[index] - stamps_ns[last] <= _LONGEST_REPEAT_NS:
            result[last + 1 : index] = [None] * (index - last - 1)
        last = index
    return result


def episode_header(env: gymnasium.Env[Any, Any]) -> EpisodeHeader:
    """Builds the header for the episodes of an environment with Dict observations.

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
    with contextlib.suppress(AttributeError):  # Both ways to mean a gripper's component have the same shape.
        specification["gripper_action"] = env.get_wrapper_attr("gripper_action")
    specification |= _control_specification(env)
    if wrappers := _recorded_wrappers(env):
        specification["wrappers"] = wrappers
    return EpisodeHeader(task=env.spec.id if env.spec is not None else "", specification=specification)


def _control_specification(env: gymnasium.Env[Any, Any]) -> dict[str, Any]:
    """Says what actions mean that are absolute quantities, and of which arm where it is joint positions."""
    try:
        control = env.get_wrapper_attr("control")
        if control == "tcp":
            return {}
        lower, upper = env.get_wrapper_attr("action_bounds")
        return {
            "control": control,
            **({"arm": env.get_wrapper_attr("arm_name")} if control == "joint" else {}),
            "action_components": list(env.get_wrapper_attr("action_names")),
            ACTION_BOUNDS: [lower.tolist(), upper.tolist()],
        }
    except AttributeError:
        return {}


def _recorded_wrappers(env: gymnasium.Env[Any, Any]) -> list[str]:
    """Lists the wrappers that change observations or actions, innermost first; see `serl_client.wrappers.plugin`."""
    names: list[str] = []
    while isinstance(env, gymnasium.Wrapper):
        names += [vars(env)["recorded_as"]] if vars(env).get("recorded_as") else []
        env = env.env
    return names[::-1]
