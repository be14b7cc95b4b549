"""Lets an expert intervene at every step: drives whole episodes in a policy's frames and chunks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from serl_client.episodes.expert import Expert


class ExpertIntervention:
    """An `InterventionSource` that takes every step."""

    def __init__(self, expert: Expert) -> None:
        self._expert = expert

    def reset(self, observation: Mapping[str, NDArray[Any]], info: Mapping[str, Any]) -> None:
        """Begins an episode."""
        del observation, info
        self._expert.reset()

    def intervene(
        self, action: NDArray[Any], observation: Mapping[str, NDArray[Any]], info: Mapping[str, Any]
    ) -> NDArray[Any]:
        """Returns the expert's action."""
        del action
        return self._expert.action(observation, info)
