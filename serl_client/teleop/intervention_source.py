"""Defines the interface of an intervention source, and the one that takes every step."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import NDArray

from serl_client.episodes.expert import EnvInfo, EnvObservation, Expert


class InterventionSource(Protocol):
    """Decides before each step whether to take over: a person, or a script. All actions are in `base` axes."""

    def reset(self, observation: EnvObservation, info: EnvInfo) -> None:
        """Begins an episode, with the observation and info of its reset."""
        ...

    def intervene(self, action: NDArray[Any], observation: EnvObservation, info: EnvInfo) -> NDArray[Any] | None:
        """Returns the action to execute instead of the policy's, in [-1, 1]; None lets the policy's stand.

        Args:
            action: What the policy wants.
            observation: Newest observation.
            info: Newest info, with raw values.
        """
        ...


class ExpertIntervention:
    """Takes every step for an expert, which so drives whole episodes in a policy's frames and chunks."""

    def __init__(self, expert: Expert) -> None:
        self._expert = expert

    def reset(self, observation: EnvObservation, info: EnvInfo) -> None:
        """Begins an episode."""
        del observation, info
        self._expert.reset()

    def intervene(self, action: NDArray[Any], observation: EnvObservation, info: EnvInfo) -> NDArray[Any]:
        """Returns the expert's action."""
        del action
        return self._expert.action(observation, info)
