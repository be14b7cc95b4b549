"""What one update of an agent consumes: U minibatches as torch tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from serl_rl.replay.batch import TransitionBatch


@dataclass(frozen=True, kw_only=True)
class UpdateBatch:
    """U minibatches of B transitions, stacked; numbers are float32, images stay bytes, feature maps are bfloat16."""

    observations: dict[str, Tensor]
    """Observation at the step, by name. Shape (U, B, ...)."""
    actions: Tensor
    """Executed action in [-1, 1]. Shape (U, B, A)."""
    rewards: Tensor
    """Shape (U, B)."""
    next_observations: dict[str, Tensor]
    """Observation after the step. Shape (U, B, ...)."""
    terminated: Tensor
    """One where the task ended the episode, else zero. Shape (U, B), float32."""
    grasp_penalties: Tensor
    """Reward of the gripper alone. Shape (U, B)."""
    taught: Tensor
    """One where a person chose the action, in a demonstration or by taking over, else zero. Shape (U, B), float32."""

    @property
    def minibatches(self) -> int:
        """Number of minibatches U."""
        return self.rewards.shape[0]

    @property
    def batch_size(self) -> int:
        """Number of transitions B of each minibatch."""
        return self.rewards.shape[1]

    def to(self, device: torch.device) -> UpdateBatch:
        """Copies to a device without waiting for the copy; itself when it is there already."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=True))

    def pinned(self) -> UpdateBatch:
        """Returns a copy in page-locked memory, from which a GPU copies by itself."""
        return self._map(Tensor.pin_memory)

    def _map(self, function: Callable[[Tensor], Tensor]) -> UpdateBatch:
        return UpdateBatch(
            observations={name: function(tensor) for name, tensor in self.observations.items()},
            actions=function(self.actions),
            rewards=function(self.rewards),
            next_observations={name: function(tensor) for name, tensor in self.next_observations.items()},
            terminated=function(self.terminated),
            grasp_penalties=function(self.grasp_penalties),
            taught=function(self.taught),
        )


def to_update_batch(batch: TransitionBatch, minibatches: int) -> UpdateBatch:
    """Splits transitions into consecutive minibatches.

    Raises:
        ValueError: The transitions cannot be split evenly.
    """
    if len(batch) % minibatches:
        raise ValueError(f"{len(batch)} transitions cannot be split into {minibatches} equal minibatches")

    def split(array: np.ndarray) -> Tensor:
        array = array.astype(np.float32, copy=False) if array.dtype not in (np.uint8, np.uint16) else array
        tensor = torch.from_numpy(array.reshape(minibatches, -1, *array.shape[1:]))
        return tensor.view(torch.bfloat16) if array.dtype == np.uint16 else tensor  # NumPy has no bfloat16.

    def split_all(arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
        return {name: split(array) for name, array in arrays.items()}

    return UpdateBatch(
        observations=split_all(batch.observations),
        actions=split(batch.actions),
        rewards=split(batch.rewards),
        next_observations=split_all(batch.next_observations),
        terminated=split(batch.terminated),
        grasp_penalties=split(batch.grasp_penalties),
        taught=split(batch.interventions),
    )
