"""Defines what executes chunks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Observation: TypeAlias = Mapping[str, npt.NDArray[np.generic]]
Chunk: TypeAlias = npt.NDArray[np.float32]
"""Actions in [-1, 1]. Shape (K, A)."""
Predict: TypeAlias = Callable[[Observation], Chunk]
"""Predicts what to do from an observation on; the first action belongs to it."""


class ChunkExecutor(Protocol):
    """Chooses one action after the other from predicted chunks."""

    def begin_episode(self) -> None:
        """Forgets the chunks of the last episode."""
        ...

    def action(self, observation: Observation) -> npt.NDArray[np.float32]:
        """Returns the action of this step, float32 of shape (A,)."""
        ...
