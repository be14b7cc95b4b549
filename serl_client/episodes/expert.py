"""Defines the interface of a scripted expert, for demonstrations, interventions and tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Expert(Protocol):
    """Chooses actions in `base` axes."""

    def reset(self) -> None:
        """Begins an episode."""
        ...

    def action(self, observation: Mapping[str, NDArray[Any]], info: Mapping[str, Any]) -> NDArray[np.float32]:
        """Returns the next action in [-1, 1], from the observation and the raw info of the environment."""
        ...
