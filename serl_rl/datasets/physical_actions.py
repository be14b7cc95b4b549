"""Gives joint positions and wrenches their units for others, who expect SI, and takes them back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serl_client.episodes.files import Episode, EpisodeHeader
from serl_client.episodes.recording import ACTION_BOUNDS
from serl_rl.errors import DatasetError

UNIT_ACTION = "unit_action"
"""Name among the further actions of an export: the actions as an environment takes them, in [-1, 1]."""


def with_units(header: EpisodeHeader, episodes: Iterable[Episode]) -> Iterator[Episode]:
    """Returns episodes whose actions are in rad, N, Nm and, of openings, m, with the ones in [-1, 1] beside.

    Episodes whose actions are increments come as they are: these have no unit but the task's scale.

    Args:
        header: Says what -1 and 1 of each component mean.
        episodes: Of that header.

    Raises:
        DatasetError: The header says it of another number of components.
    """
    bounds = header.specification.get(ACTION_BOUNDS)
    return iter(episodes) if bounds is None else (_with_units(episode, bounds) for episode in episodes)


def without_units(header: EpisodeHeader, episode: Episode) -> Episode:
    """Returns an episode of an export as it was; one that was given no units as it is."""
    unit = episode.extra_actions.get(UNIT_ACTION) if ACTION_BOUNDS in header.specification else None
    if unit is None:
        return episode
    others = {name: array for name, array in episode.extra_actions.items() if name != UNIT_ACTION}
    return replace(episode, actions=unit, extra_actions=others)


def _with_units(episode: Episode, bounds: Any) -> Episode:  # noqa: ANN401 - what JSON holds.
    lower, upper = (np.asarray(bound, np.float64) for bound in bounds)
    if not lower.shape == upper.shape == episode.actions.shape[1:]:
        raise DatasetError(
            f"the header bounds {lower.size} components of actions that have {episode.actions.shape[1]}; record again"
        )
    share = 0.5 * (episode.actions.astype(np.float64) + 1.0)
    physical: NDArray[np.float32] = (lower + share * (upper - lower)).astype(np.float32)
    return replace(episode, actions=physical, extra_actions={**episode.extra_actions, UNIT_ACTION: episode.actions})
