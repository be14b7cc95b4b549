"""Defines the data of one update: U minibatches as torch tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from serl_rl.replay.batch import TransitionBatch
from serl_rl.replay.columns import SampledColumns


@dataclass(frozen=True, kw_only=True)
class UpdateBatch(SampledColumns[Tensor]):
    """Holds U minibatches of B transitions; numbers are float32, images stay bytes, feature maps are bfloat16.

    `interventions` is one where a person chose the action, in a demonstration or by taking over, else zero.
    """

    observations: dict[str, Tensor]
    """Observation at the step, by name. Shape (U, B, ...)."""
    next_observations: dict[str, Tensor]
    """Observation after the step. Shape (U, B, ...)."""
    terminated: Tensor
    """One where the task ended the episode, else zero. Shape (U, B), float32."""

    @property
    def minibatches(self) -> int:
        """Returns the number of minibatches U."""
        return self.rewards.shape[0]

    @property
    def batch_size(self) -> int:
        """Returns the number of transitions B of each minibatch."""
        return self.rewards.shape[1]

    def to(self, device: torch.device) -> UpdateBatch:
        """Copies to a device without waiting for the copy; itself when it is there already."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=True))

    def pinned(self) -> UpdateBatch:
        """Returns a copy in page-locked memory, from which a GPU copies by itself."""
        return self._map(Tensor.pin_memory)

    def _map(self, function: Callable[[Tensor], Tensor]) -> UpdateBatch:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return UpdateBatch(**_mapped(values, function))


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

    values = {field.name: getattr(batch, field.name) for field in fields(batch)}
    return UpdateBatch(**_mapped(values, split))


def _mapped(values: Mapping[str, Any], function: Callable[[Any], Tensor]) -> dict[str, Any]:
    """Applies a function to arrays, and to those in dictionaries."""
    return {
        name: _mapped(value, function) if isinstance(value, Mapping) else function(value)
        for name, value in values.items()
    }
