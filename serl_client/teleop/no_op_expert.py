"""Implements an expert that does nothing: a person drives through `Intervention` instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


class NoOpExpert:
    """Returns zero actions."""

    def __init__(self, action_size: int) -> None:
        self._action = np.zeros(action_size, np.float32)

    def reset(self) -> None:
        """Does nothing: it has no state."""

    def action(self, observation: Mapping[str, NDArray[Any]], info: Mapping[str, Any]) -> NDArray[np.float32]:
        """Returns zeros, shape (A,)."""
        del observation, info
        return self._action
