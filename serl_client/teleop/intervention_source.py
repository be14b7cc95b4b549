"""Defines the interface of an intervention source: a person, or a script in their place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from numpy.typing import NDArray


class InterventionSource(Protocol):
    """Decides before each step whether to take over. All actions are in `base` axes."""

    def reset(self, observation: Mapping[str, NDArray[Any]], info: Mapping[str, Any]) -> None:
        """Begins an episode, with the observation and info of its reset."""
        ...

    def intervene(
        self, action: NDArray[Any], observation: Mapping[str, NDArray[Any]], info: Mapping[str, Any]
    ) -> NDArray[Any] | None:
        """Returns the action to execute instead of the policy's, in [-1, 1]; None lets the policy's stand.

        Args:
            action: What the policy wants.
            observation: Newest observation.
            info: Newest info, with raw values.
        """
        ...
