"""Implements a random-walk expert, for examples that are no success."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MEMORY = 0.8
_GRIPPER_CHANGE_RATIO = 0.1


class RandomWalkExpert:
    """Draws a random walk in velocity, and a gripper that opens or closes now and then."""

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

    def action(self, observation: Mapping[str, NDArray[Any]], info: Mapping[str, Any]) -> NDArray[np.float32]:
        """Returns the next action, in [-1, 1]. Shape (A,)."""
        del observation, info
        gripper = self._action[-1]
        push = np.sqrt(1 - _MEMORY**2) * self._rng.standard_normal(len(self._action))
        self._action = np.clip(_MEMORY * self._action + push, -1, 1).astype(np.float32)
        if self._has_gripper:
            self._action[-1] = -gripper if self._rng.random() < _GRIPPER_CHANGE_RATIO else gripper
        return self._action.copy()
