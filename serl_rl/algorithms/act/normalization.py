"""Normalises states and actions by the statistics of the demonstrations, which travel with the weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

SMALLEST_STD = 1e-2
"""Least deviation that is divided by: an axis that demonstrations never moved would be blown up otherwise."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Statistics:
    """Holds mean and standard deviation of each component over all steps of the demonstrations."""

    state_mean: npt.NDArray[np.float32]
    """Shape (S,)."""
    state_std: npt.NDArray[np.float32]
    """Shape (S,)."""
    action_mean: npt.NDArray[np.float32]
    """Shape (A,)."""
    action_std: npt.NDArray[np.float32]
    """Shape (A,)."""
    step_s: float
    """Time between two observations, s."""

    @classmethod
    def unit(cls, state_size: int, action_size: int, step_s: float = 0.1) -> Statistics:
        """Returns those that leave numbers as they are."""
        return cls(
            state_mean=np.zeros(state_size, np.float32),
            state_std=np.ones(state_size, np.float32),
            action_mean=np.zeros(action_size, np.float32),
            action_std=np.ones(action_size, np.float32),
            step_s=step_s,
        )


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

    def __init__(self, statistics: Statistics) -> None:
        super().__init__()
        for name in ("state", "action"):
            mean, std = (getattr(statistics, f"{name}_{kind}") for kind in ("mean", "std"))
            self.register_buffer(f"{name}_mean", torch.as_tensor(mean, dtype=torch.float32))
            self.register_buffer(f"{name}_std", torch.as_tensor(std, dtype=torch.float32).clamp_min(SMALLEST_STD))
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
