"""Records demonstrations of each task's scripted expert."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium

from serl_client.episodes.expert import Expert
from serl_client.episodes.files import iterate_episodes
from serl_client.episodes.recording import RecordingProgress, record_demonstrations
from serl_client.errors import EpisodeFileError
from serl_client.teleop.experts import NoOpExpert
from serl_client.teleop.intervention_source import ExpertIntervention
from serl_client.wrappers import Intervention
from serl_client.wrappers.chunking import around_steps
from serl_rl.config.train import TrainConfig
from serl_rl.envs.factory import task_of
from serl_rl.errors import UsageError

OnProgress = Callable[[RecordingProgress], None]

# Scenes of demonstrations are far from those of training and evaluation.
_FIRST_SEED = 900_000_000
_SEED_STRIDE = 1000


def scripted_expert(config: TrainConfig) -> Expert:
    """Finds the scripted expert of a task.

    Raises:
        UsageError: The task has none, there is no such task, or it acts otherwise than the environment.
    """
    task, environment = task_of(config.environment), config.environment
    if environment.control == "joint":
        raise UsageError("environment.control is joint, and scripted experts move the TCP; let a leader drive instead")
    if environment.control != task.control:
        raise UsageError(
            f"environment.control is {environment.control}, and the scripted expert of {environment.id} gives "
            f"{task.control}; give --environment.control {task.control}"
        )
    if task.expert is None:
        raise UsageError(
            f"there is no scripted expert for {environment.id}; record demonstrations with a person instead"
        )
    return task.expert(task, rotation=environment.rotation, noise=config.demonstration_noise, seed=config.seed)


def record(
    env: gymnasium.Env[Any, Any], config: TrainConfig, path: Path, on_progress: OnProgress | None = None
) -> None:
    """Records successful episodes of the scripted expert.

    Args:
        env: The environment.
        config: The experiment: which task, how many demonstrations, the seed.
        path: Episode file to write; its folder is created.
        on_progress: Called after each episode.

    Raises:
        UsageError: The task has no expert.
        RobotError: The expert fails too often, or the robot does not answer.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Episodes that are appended show other scenes than those that are there.
    expert, seed = scripted_expert(config), _FIRST_SEED + config.seed * _SEED_STRIDE + _held(path)
    driven = around_steps(env, lambda inner: driven_by(expert, inner))
    no_op = NoOpExpert((env.action_space.shape or (0,))[0])
    record_demonstrations(driven, no_op, config.demonstration_count, path, on_progress, seed=seed)


def driven_by(expert: Expert, env: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
    """Lets an expert take single steps; stores the actions in the policy's frame."""
    return Intervention(env, ExpertIntervention(expert))


def _held(path: Path) -> int:
    try:
        return sum(1 for _ in iterate_episodes(path))
    except EpisodeFileError:  # There is none yet, or the recorder will say what is wrong with it.
        return 0
