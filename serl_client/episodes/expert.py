"""Defines the interface of a scripted expert, for demonstrations, interventions and tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

EnvObservation: TypeAlias = Mapping[str, NDArray[Any]]
"""Observation of an environment, by key."""
EnvInfo: TypeAlias = Mapping[str, Any]
"""Info of an environment, with raw values."""


class Expert(Protocol):
    """Chooses actions in `base` axes."""

    def reset(self) -> None:
        """Begins an episode."""
        ...

    def action(self, observation: EnvObservation, info: EnvInfo) -> NDArray[np.float32]:
        """Returns the next action in [-1, 1], from the observation and the raw info of the environment."""
        ...
