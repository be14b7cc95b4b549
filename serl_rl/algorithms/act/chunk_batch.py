"""Holds a batch of demonstrated chunks."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from serl_rl.models.types import Observations


@dataclass(frozen=True, kw_only=True, eq=False)
class ChunkBatch:
    """Holds observations, and what was done from there on."""

    observations: Observations
    """What was seen at the beginning of each chunk."""
    actions: Tensor
    """What was done, in [-1, 1]; padding holds anything finite. Shape (B, K, A)."""
    is_pad: Tensor
    """Which actions are padding: the episode was over. Bool of shape (B, K)."""
