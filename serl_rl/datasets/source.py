"""Defines what every format of episodes offers to its readers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from serl_client.episodes.files import Episode, EpisodeHeader

OnEpisode = Callable[[int], None]
"""Told after each episode how many were done."""

NOMINAL_STAMPS = "nominal_stamps"
"""Key of an episode's metadata: true where its stamps are the steps' numbers over a rate, not a clock's."""
INSTRUCTION = "instruction"
"""Key of an episode's metadata: what was to be done, in words."""
REPEATED_FINAL = "repeated_final_observation"
"""Key of an episode's metadata: true where its format has no observation after the last action, so that the one before
stands there; it ended by the task, so that nothing is learned from it."""


class EpisodeSource(Protocol):
    """Reads episodes, whole or picture by picture, of one file or folder."""

    @property
    def header(self) -> EpisodeHeader:
        """Returns what all episodes share; its specification says what they observe and do."""
        ...

    @property
    def lengths(self) -> Sequence[int]:
        """Returns the number of steps of each episode."""
        ...

    def episode(self, number: int, *, images: bool = True) -> Episode:
        """Reads an episode.

        Args:
            number: Which, from 0.
            images: Whether to read pictures; without, they are missing among its observations.

        Raises:
            DatasetError: It is damaged.
        """
        ...

    def images(self, number: int, index: int, cameras: Sequence[str]) -> dict[str, NDArray[np.uint8]]:
        """Reads the pictures of one observation, by camera, each of shape (height, width, 3), RGB.

        Args:
            number: Which episode, from 0.
            index: Which observation, from 0 to the number of its steps.
            cameras: Which cameras.

        Raises:
            DatasetError: They are damaged.
        """
        ...


def is_image(array: NDArray[Any]) -> bool:
    """Whether an array of observations holds pictures: uint8 of shape (T, height, width, 3)."""
    return array.dtype == np.uint8 and array.ndim == 4 and array.shape[-1] == 3


def specification_of(episode: Episode) -> dict[str, Any]:
    """Builds the specification of a header from an episode."""
    return {
        "observations": {
            key: [list(array.shape[1:]), str(array.dtype)] for key, array in sorted(episode.observations.items())
        },
        "action": [list(episode.actions.shape[1:]), str(episode.actions.dtype)],
    }


def nominal_stamps_ns(count: int, rate_hz: float) -> NDArray[np.int64]:
    """Returns stamps of observations that came at a rate. Shape (count,), ns."""
    return np.round(np.arange(count) * (1e9 / rate_hz)).astype(np.int64)


def rate_of(episode: Episode, fallback_hz: float = 10.0) -> float:
    """Returns the steps a second of an episode: what was asked for, else what its stamps say."""
    if episode.control_rate_hz is not None:
        return episode.control_rate_hz
    gaps_ns = np.diff(episode.stamps_ns)
    period_ns = float(np.median(gaps_ns)) if len(gaps_ns) else 0.0
    return round(1e9 / period_ns, 3) if period_ns > 0 else fallback_hz
