"""Names the types that networks read and hold."""

from __future__ import annotations

from typing import TypeAlias

from torch import Tensor

from serl_rl.models.perception import VisualInput

Arrays: TypeAlias = dict[str, Tensor]


Observations: TypeAlias = Tensor | VisualInput
"""Flat vectors, float32 of shape (..., D), or what is seen; the leading dimensions are those of the batch."""
