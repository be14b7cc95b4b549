"""Feature-wise linear modulation: a condition scales and shifts each channel (Perez et al. 2018, arXiv:1709.07871)."""

from __future__ import annotations

from torch import Tensor, nn


class Film(nn.Module):
    """Computes maps * (1 + scale(condition)) + shift(condition), which begins as the identity.

    Args:
        condition_size: Components of the condition vector.
        channels: Channels of the maps.
    """

    def __init__(self, condition_size: int, channels: int) -> None:
        super().__init__()
        self.scale = nn.Linear(condition_size, channels)
        self.shift = nn.Linear(condition_size, channels)
        for layer in (self.scale, self.shift):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, maps: Tensor, condition: Tensor) -> Tensor:
        """Modulates.

        Args:
            maps: Shape (B, C, h, w).
            condition: Shape (B, condition_size).

        Returns:
            Shape (B, C, h, w).
        """
        condition = condition.to(self.scale.weight.dtype)
        scale, shift = self.scale(condition), self.shift(condition)
        return maps * (1 + scale[:, :, None, None]) + shift[:, :, None, None]
