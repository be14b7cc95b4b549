"""Lets somebody take over one of two arms, while the policy goes on with the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serl_client.episodes.expert import EnvInfo, EnvObservation
from serl_client.teleop.intervention_source import InterventionSource

_SIDES = ("left", "right")


class ArmInterventions:
    """Asks a source for each arm; an `InterventionSource` of both.

    Each sees its arm as if that were the only one: its share of the action, and what is under its side's name in
    observation and info. Where one takes over, the other arm's share stays the policy's.

    Args:
        sources: Of the left and of the right arm.
    """

    def __init__(self, sources: Sequence[InterventionSource]) -> None:
        if len(sources) != len(_SIDES):
            raise ValueError(f"{len(sources)} sources cannot take over two arms; give one for each")
        self._sources = tuple(sources)

    @property
    def is_moving(self) -> bool:
        """Whether any of them moves its arm."""
        return any(getattr(source, "is_moving", False) for source in self._sources)

    def is_asking(self) -> bool:
        """Returns whether a person moves a device now."""
        return any(source.is_asking() for source in self._sources if hasattr(source, "is_asking"))  # type: ignore[attr-defined]

    def reset(self, observation: EnvObservation, info: EnvInfo) -> None:
        """Begins an episode."""
        for side, source in zip(_SIDES, self._sources, strict=True):
            source.reset(_of(side, observation), _of(side, info))

    def intervene(self, action: NDArray[Any], observation: EnvObservation, info: EnvInfo) -> NDArray[Any] | None:
        """Returns the action of both arms where somebody takes one over, else None."""
        shares = np.split(np.asarray(action), len(_SIDES))
        given = [
            source.intervene(share, _of(side, observation), _of(side, info))
            for side, share, source in zip(_SIDES, shares, self._sources, strict=True)
        ]
        if all(one is None for one in given):
            return None
        return np.concatenate([share if one is None else one for share, one in zip(shares, given, strict=True)])


def _of(side: str, values: EnvInfo) -> dict[str, Any]:
    """Returns what is under a side's name, without it."""
    return {key.removeprefix(f"{side}/"): value for key, value in values.items() if key.startswith(f"{side}/")}
