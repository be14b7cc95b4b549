"""An expert that does nothing: a person drives through `Intervention` instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


class NoOpExpert:
    """Asks for nothing."""

    def __init__(self, action_size: int) -> None:
        self._action = np.zeros(action_size, np.float32)

    def reset(self) -> None:
        """Begins an episode; there is nothing to forget."""

    def action(self, observation: Mapping[str, NDArray[Any]], info: Mapping[str, Any]) -> NDArray[np.float32]:
        """Zeros, shape (A,)."""
        del observation, info
        return self._action
