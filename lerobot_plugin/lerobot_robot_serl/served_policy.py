"""Defines what the policy server serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class ServedPolicyError(Exception):
    """Raised for a policy that is incomplete, unsafe, or cannot be run; the text is one sentence."""


class ServedPolicy(Protocol):
    """Chooses chunks of actions."""

    @property
    def inputs(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of what it reads, by name: `state`, and each camera (height, width, 3)."""
        ...

    @property
    def action_size(self) -> int:
        """Numbers of an action."""
        ...

    def begin_episode(self) -> None:
        """Forgets the last episode."""
        ...

    def actions(self, observation: Mapping[str, NDArray[Any]], instruction: str) -> NDArray[np.float32]:
        """Returns the next actions, shape (T, A)."""
        ...
