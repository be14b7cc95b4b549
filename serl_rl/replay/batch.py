"""Defines batches of sampled transitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from serl_rl.replay.columns import SAMPLED, SampledColumns

Places: TypeAlias = Sequence[slice]
"""Ranges of positions in a batch, each with start and stop."""


@dataclass(frozen=True, kw_only=True)
class TransitionBatch(SampledColumns[np.ndarray]):
    """Holds B transitions, stacked. Every array is its own memory."""

    observations: dict[str, np.ndarray]
    """Observation at the step, by name. Shape (B, ...)."""
    next_observations: dict[str, np.ndarray]
    """Observation after the step, of the same episode always. Shape (B, ...)."""
    terminated: np.ndarray
    """Whether the task ended the episode, so that no value follows; false for a truncated step. Shape (B,), bool."""

    def __len__(self) -> int:
        return len(self.rewards)


def empty_batch(
    layout: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]], action_size: int, count: int
) -> TransitionBatch:
    """Makes a batch to be filled.

    Args:
        layout: Shape and type of one transition's observation, by name.
        action_size: Components of an action.
        count: Number of transitions.
    """

    def observations() -> dict[str, np.ndarray]:
        return {name: np.empty((count, *shape), dtype) for name, (shape, dtype) in layout.items()}

    shapes = {"actions": (count, action_size)}
    return TransitionBatch(
        observations=observations(),
        next_observations=observations(),
        terminated=np.empty(count, bool),
        **{entry.name: np.empty(shapes.get(entry.name, (count,)), entry.dtype) for entry in SAMPLED},
    )


def place_rows(target: np.ndarray, column: np.ndarray, slots: np.ndarray, places: Places) -> None:
    """Copies rows of a column to some places of an array, each once.

    Args:
        target: Shape (N, ...).
        column: Shape (C, ...).
        slots: Rows of the column, in order of their places; all in range.
        places: Ranges of rows of the target, together as long as `slots`.
    """
    start = 0
    for place in places:
        chosen = slots[start : start + place.stop - place.start]
        start += len(chosen)
        part = target[place]
        if part.flags.c_contiguous:
            column.take(chosen, axis=0, out=part, mode="clip")  # Any other mode copies by way of a buffer.
        else:
            part[...] = column.take(chosen, axis=0)
