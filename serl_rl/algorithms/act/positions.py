"""Computes the sinusoidal codes of places in sequences and in feature maps."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

_TEMPERATURE = 10_000.0


def sinusoids(places: Tensor, size: int) -> Tensor:
    """Codes places by sines and cosines of falling frequencies.

    Vaswani et al. 2017, "Attention is all you need", section 3.5.

    Args:
        places: Shape (N,).
        size: Components of a code; even.

    Returns:
        Sines in even components, cosines in odd ones. Shape (N, size).
    """
    rates = _TEMPERATURE ** -(torch.arange(0, size, 2, dtype=torch.float32) / size)
    angles = places.float()[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)


def sinusoids_of_maps(height: int, width: int, size: int) -> Tensor:
    """Codes the places in a map: half of the components say the row, half the column, each scaled to 2 pi.

    Carion et al. 2020 (arXiv:2005.12872), for the whole map of all cameras, so that codes tell cameras apart.

    Args:
        height: Rows.
        width: Columns, of all cameras side by side.
        size: Components of a code; a multiple of 4.

    Returns:
        Row by row. Shape (height * width, size).
    """
    rows = sinusoids(torch.arange(1, height + 1) * (2 * math.pi / height), size // 2)
    columns = sinusoids(torch.arange(1, width + 1) * (2 * math.pi / width), size // 2)
    whole = torch.cat([rows[:, None].expand(-1, width, -1), columns[None].expand(height, -1, -1)], -1)
    return whole.flatten(0, 1)


class LearnedMapPositions(nn.Module):
    """Learns a code of each row and of each column of a map.

    Args:
        height: Rows.
        width: Columns, of all cameras side by side.
        size: Components of a code; even.
    """

    def __init__(self, height: int, width: int, size: int) -> None:
        super().__init__()
        self.rows = nn.Parameter(0.02 * torch.randn(height, size // 2))
        self.columns = nn.Parameter(0.02 * torch.randn(width, size // 2))

    def forward(self) -> Tensor:
        """Returns the codes row by row. Shape (height * width, size)."""
        shape = len(self.rows), len(self.columns), -1
        parts = self.rows[:, None].expand(shape), self.columns[None].expand(shape)
        return torch.cat(parts, -1).flatten(0, 1)
