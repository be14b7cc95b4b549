"""First weights of convolutions and of image heads, from a seeded generator."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from serl_rl.models.vision.encoder_config import Initialization

_TRUNCATED_DEVIATION = 0.87962566103423978
"""Standard deviation of a standard normal cut at two standard deviations; flax divides by it."""


def truncated_normal_(weight: Tensor, variance: float, generator: torch.Generator) -> None:
    """Fills with normal values cut at two standard deviations, of the given variance after the cut."""
    deviation = math.sqrt(variance) / _TRUNCATED_DEVIATION
    nn.init.trunc_normal_(weight, 0.0, deviation, -2 * deviation, 2 * deviation, generator=generator)


def initialize_convolutions(module: nn.Module, kind: Initialization, generator: torch.Generator) -> None:
    """Draws the weights of all convolutions of a module, in order; biases become zero.

    Raises:
        ValueError: There is no such kind.
    """
    if kind not in ("he", "orthogonal"):
        raise ValueError(f"initialization is {kind!r}; it must be 'he' or 'orthogonal'")
    with torch.no_grad():
        for layer in module.modules():
            if not isinstance(layer, nn.Conv2d):
                continue
            if kind == "he":
                truncated_normal_(layer.weight, 2 / layer.weight[0].numel(), generator)
            else:
                nn.init.orthogonal_(layer.weight, math.sqrt(2), generator)
            if layer.bias is not None:
                layer.bias.zero_()
