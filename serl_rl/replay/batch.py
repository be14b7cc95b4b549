"""Transitions as they are sampled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class TransitionBatch:
    """B transitions, stacked. Every array is its own memory."""

    observations: dict[str, np.ndarray]
    """Observation at the step, by name. Shape (B, ...)."""
    actions: np.ndarray
    """Executed action in [-1, 1]. Shape (B, A), float32."""
    rewards: np.ndarray
    """Shape (B,), float32."""
    next_observations: dict[str, np.ndarray]
    """Observation after the step, of the same episode always. Shape (B, ...)."""
    terminated: np.ndarray
    """Whether the task ended the episode, so that no value follows; false for a truncated step. Shape (B,), bool."""
    interventions: np.ndarray
    """Whether a person chose the action. Shape (B,), bool."""
    grasp_penalties: np.ndarray
    """Reward of the gripper alone; zero where the task has none. Shape (B,), float32."""

    def __len__(self) -> int:
        return len(self.rewards)

    def take(self, order: np.ndarray) -> TransitionBatch:
        """Returns the transitions at the given positions, copied. Shape of `order`: (K,)."""
        return _map(lambda arrays: arrays[0][order], [self])


def concatenate(batches: Sequence[TransitionBatch]) -> TransitionBatch:
    """Joins batches in order."""
    return _map(np.concatenate, batches)


def _map(function: Callable[[Sequence[np.ndarray]], np.ndarray], batches: Sequence[TransitionBatch]) -> TransitionBatch:
    """Applies a function to each array of all batches."""

    def named(field: str) -> dict[str, np.ndarray]:
        return {name: function([getattr(batch, field)[name] for batch in batches]) for name in batches[0].observations}

    def array(field: str) -> np.ndarray:
        return function([getattr(batch, field) for batch in batches])

    return TransitionBatch(
        observations=named("observations"),
        actions=array("actions"),
        rewards=array("rewards"),
        next_observations=named("next_observations"),
        terminated=array("terminated"),
        interventions=array("interventions"),
        grasp_penalties=array("grasp_penalties"),
    )
