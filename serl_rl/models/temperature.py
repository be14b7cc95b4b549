"""Temperature: the positive weight of the entropy."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class Temperature(nn.Module):
    """Holds alpha = softplus(raw), a Lagrange multiplier.

    Args:
        initial: First value; positive.
    """

    def __init__(self, initial: float) -> None:
        super().__init__()
        self.raw = nn.Parameter(torch.tensor(math.log(math.expm1(initial))))

    def forward(self) -> Tensor:
        """Returns alpha, a scalar."""
        return nn.functional.softplus(self.raw)
