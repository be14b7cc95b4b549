"""Transitions as they are sampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

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
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return TransitionBatch(
            **{
                name: {key: array[order] for key, array in value.items()} if isinstance(value, dict) else value[order]
                for name, value in values.items()
            }
        )


def concatenate(batches: Sequence[TransitionBatch]) -> TransitionBatch:
    """Joins batches in order."""
    first = batches[0]
    return (
        TransitionBatch(
            observations=_join([batch.observations for batch in batches]),
            actions=np.concatenate([batch.actions for batch in batches]),
            rewards=np.concatenate([batch.rewards for batch in batches]),
            next_observations=_join([batch.next_observations for batch in batches]),
            terminated=np.concatenate([batch.terminated for batch in batches]),
            interventions=np.concatenate([batch.interventions for batch in batches]),
            grasp_penalties=np.concatenate([batch.grasp_penalties for batch in batches]),
        )
        if len(batches) > 1
        else first
    )


def _join(parts: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
