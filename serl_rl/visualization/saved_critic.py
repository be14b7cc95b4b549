"""Loads the critics of a checkpoint or of a run under way."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from serl_rl.algorithms.algorithm import ActionCritic, ActionValues
from serl_rl.artifacts import checkpoint as checkpoints
from serl_rl.errors import CheckpointError, RunError
from serl_rl.policies.saved import read_experiment

if TYPE_CHECKING:
    from torch import Tensor


def load_critic(path: Path) -> ActionCritic | None:
    """Reads the critics of a checkpoint.

    Args:
        path: A checkpoint, or the folder of a run.

    Returns:
        The critics; None where the checkpoint's algorithm has none.

    Raises:
        CheckpointError: There is no checkpoint, or it is corrupt or foreign.
        WeightsError: The backbone's weight file cannot be used.
    """
    saved = read_experiment(path)
    config = saved.config

    def arrays(prefix: str) -> dict[str, Tensor]:
        prefix = f"/{prefix}"
        tensors = checkpoints.load_tensors(saved.path, checkpoints.AGENT, prefix)
        return {name.removeprefix(prefix): value for name, value in tensors.items()}

    try:
        return config.load_algorithm().make_critic(
            saved.spec, config.algorithm_settings, vision=config.vision_for(saved.spec), arrays=arrays
        )
    except RunError:
        raise
    except ValueError as error:
        raise CheckpointError(f"the critics of the checkpoint {saved.path} do not fit its settings: {error}") from error


class NewestCritic:
    """Evaluates actions with the newest checkpoint's critics of a run under way; reloads before each episode."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self._path: Path | None = None
        self._critic: ActionCritic | None = None

    def begin_episode(self) -> None:
        """Loads the newest checkpoint, and clears the state of the last episode."""
        newest = checkpoints.newest(self._run / "checkpoints")
        if newest is not None and newest != self._path:
            try:
                self._critic, self._path = load_critic(newest), newest
            except CheckpointError:
                if newest.exists():  # Else it was the oldest, and has made way for a newer one meanwhile.
                    raise
        if self._critic is not None:
            self._critic.begin_episode()

    def values(self, observation: Mapping[str, np.ndarray], action: np.ndarray) -> ActionValues | None:
        """Predicts the values of an action; None before the first checkpoint. Arguments as in `ActionCritic`."""
        return None if self._critic is None else self._critic.values(observation, action)
