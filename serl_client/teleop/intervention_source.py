"""Somebody who may take the arm out of the policy's hands: a person, or a script that stands in for one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from numpy.typing import NDArray


class InterventionSource(Protocol):
    """Decides before each step whether to take over. All actions are in `base` axes."""

    def reset(self, observation: Mapping[str, NDArray[Any]], info: Mapping[str, Any]) -> None:
        """Begins an episode, with what its reset gave."""
        ...

    def intervene(
        self, action: NDArray[Any], observation: Mapping[str, NDArray[Any]], info: Mapping[str, Any]
    ) -> NDArray[Any] | None:
        """The action to execute instead of the policy's, in [-1, 1]; None lets the policy's stand.

        Args:
            action: What the policy wants.
            observation: Newest observation.
            info: Newest info, with raw values.
        """
        ...
