"""Scripted demonstrations: the expert of each task, recording, and the files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium

from serl_rl.config import EnvironmentConfig
from serl_rl.environment import POINT_MASS
from serl_rl.errors import UsageError

OnProgress = Callable[[int, int], None]


def scripted_expert(config: EnvironmentConfig) -> Any:  # noqa: ANN401 - whatever has `reset` and `action`.
    """Finds the scripted teacher of a task.

    Raises:
        UsageError: The task has none.
    """
    if config.id == POINT_MASS:
        from serl_rl.point_mass import PointMassExpert

        return PointMassExpert()
    if config.id.startswith("serl/PickCube"):
        from serl_client.teleop.scripted import PickCubeExpert

        return PickCubeExpert()
    raise UsageError(f"there is no scripted expert for {config.id}; record demonstrations with a person instead")


def record(
    env: gymnasium.Env[Any, Any],
    config: EnvironmentConfig,
    count: int,
    path: Path,
    seed: int,
    on_progress: OnProgress | None = None,
) -> None:
    """Records successful episodes of the scripted expert.

    Args:
        env: The environment.
        config: Which task it is.
        count: Number of episodes.
        path: Episode file to write; its folder is created.
        seed: Seed of the first reset.
        on_progress: Called after each episode with the number done and the number wanted.
    """
    from serl_client.episodes import record_demonstrations

    path.parent.mkdir(parents=True, exist_ok=True)
    env.reset(seed=seed)
    record_demonstrations(env, scripted_expert(config), count, path, on_progress=on_progress)
