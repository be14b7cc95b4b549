"""Normalises states and actions by the statistics of the demonstrations, which travel with the weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from serl_rl.datasets.normalization import STD_FLOOR, Statistics


@dataclass(frozen=True, kw_only=True, eq=False)
class ChunkStatistics:
    """Holds what a policy of chunks remembers of its demonstrations."""

    state: Statistics
    """Of the flat vectors, joined in the order of the spec; S axes."""
    action: Statistics
    """Of the actions; A axes."""
    step_s: float
    """Time between two observations, s."""

    @classmethod
    def unit(cls, state_size: int, action_size: int, step_s: float = 0.1) -> ChunkStatistics:
        """Returns those that leave numbers as they are."""
        return cls(state=Statistics.unit(state_size), action=Statistics.unit(action_size), step_s=step_s)


class Normalization(nn.Module):
    """Keeps statistics among the weights of a policy.

    Args:
        statistics: Those of the demonstrations; a floor is put under the deviations.
    """

    state_mean: Tensor
    state_std: Tensor
    action_mean: Tensor
    action_std: Tensor
    step_s: Tensor

    def __init__(self, statistics: ChunkStatistics) -> None:
        super().__init__()
        for name, of_name in (("state", statistics.state), ("action", statistics.action)):
            self.register_buffer(f"{name}_mean", torch.as_tensor(of_name.mean, dtype=torch.float32))
            std = torch.as_tensor(of_name.std, dtype=torch.float32).clamp_min(STD_FLOOR)
            self.register_buffer(f"{name}_std", std)
        self.register_buffer("step_s", torch.tensor([statistics.step_s], dtype=torch.float32))

    def state(self, state: Tensor) -> Tensor:
        """Normalises states, (..., S)."""
        return (state - self.state_mean) / self.state_std

    def actions(self, actions: Tensor) -> Tensor:
        """Normalises actions, (..., A)."""
        return (actions - self.action_mean) / self.action_std

    def denormalized(self, actions: Tensor) -> Tensor:
        """Returns normalised actions, (..., A), to what the environment takes."""
        return actions * self.action_std + self.action_mean
