"""What an actor needs of a policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


class PolicyError(ValueError):
    """Arrays that are no policy for this environment."""


class RunnablePolicy(Protocol):
    """What an actor needs of a policy."""

    def load(self, state: Mapping[str, np.ndarray | Tensor]) -> None:
        """Takes over the arrays of a policy."""
        ...

    def begin_episode(self) -> None:
        """Forgets the last episode."""
        ...

    def act(
        self, observation: Mapping[str, np.ndarray], rng: np.random.Generator, *, deterministic: bool = False
    ) -> np.ndarray:
        """Chooses an action in [-1, 1]."""
        ...
