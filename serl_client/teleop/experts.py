"""Implements the experts that know no task: one does nothing, one walks at random."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from serl_client.episodes.expert import EnvInfo, EnvObservation

_MEMORY = 0.8
_GRIPPER_CHANGE_RATIO = 0.1


class NoOpExpert:
    """Returns zero actions: a person drives through `Intervention` instead."""

    def __init__(self, action_size: int) -> None:
        self._action = np.zeros(action_size, np.float32)

    def reset(self) -> None:
        """Does nothing: it has no state."""

    def action(self, observation: EnvObservation, info: EnvInfo) -> NDArray[np.float32]:
        """Returns zeros, shape (A,)."""
        del observation, info
        return self._action


class RandomWalkExpert:
    """Walks at random in velocity and opens or closes the gripper now and then, for examples that are no success."""

    def __init__(self, action_size: int, *, has_gripper: bool = True, seed: int | None = None) -> None:
        self._has_gripper = has_gripper
        self._rng = np.random.default_rng(seed)
        self._action = np.zeros(action_size, np.float32)
        self.reset()

    def reset(self) -> None:
        """Begins an episode at rest, the gripper open."""
        self._action[:] = 0
        if self._has_gripper:
            self._action[-1] = 1

    def action(self, observation: EnvObservation, info: EnvInfo) -> NDArray[np.float32]:
        """Returns the next action, in [-1, 1]. Shape (A,)."""
        del observation, info
        gripper = self._action[-1]
        push = np.sqrt(1 - _MEMORY**2) * self._rng.standard_normal(len(self._action))
        self._action = np.clip(_MEMORY * self._action + push, -1, 1).astype(np.float32)
        if self._has_gripper:
            self._action[-1] = -gripper if self._rng.random() < _GRIPPER_CHANGE_RATIO else gripper
        return self._action.copy()
