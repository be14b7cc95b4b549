"""Implements hidden layers (affine, layer normalisation, tanh) for one network or a batched ensemble."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

LAYER_NORM_EPSILON = 1e-6
"""As in flax; torch's own default is 1e-5."""


@dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """Defines how hidden layers compute. Normalisation, tanh and what follows the last layer stay in float32."""

    product_dtype: torch.dtype = torch.float32
    """Type of the hidden layers' matrix products: float32 or bfloat16."""
    tanh_by_exponential: bool = False
    """Whether tanh is computed as 2 sigmoid(2x) - 1: faster once compiled, and equal to about 1e-7."""


class Affine(nn.Module):
    """Computes x W + b, from Xavier-uniform weights and zero bias.

    Args:
        inputs: Number of input features.
        outputs: Number of output features.
        members: Size of the ensemble, each with its own weights; None for one network without that dimension.
        generator: Source of the initial weights.
    """

    def __init__(self, inputs: int, outputs: int, members: int | None, generator: torch.Generator) -> None:
        super().__init__()
        bound = math.sqrt(6 / (inputs + outputs))
        lead = () if members is None else (members,)
        bias_lead = () if members is None else (members, 1)
        uniform = torch.rand(*lead, inputs, outputs, generator=generator)
        self.weight = nn.Parameter((2 * uniform - 1) * bound)
        self.bias = nn.Parameter(torch.zeros(*bias_lead, outputs))

    def forward(self, x: Tensor, dtype: torch.dtype, members: Tensor | None = None) -> Tensor:
        """Applies the layer.

        Args:
            x: Input. Shape (B, D), or (N, B, D) for an ensemble.
            dtype: Type of the product.
            members: Indices of the members to apply, in x's order; None for all.

        Returns:
            float32 of shape (B, E) or (N, B, E).
        """
        weight, bias = self.weight, self.bias
        if members is not None:
            weight, bias = weight[members], bias[members]
        if dtype != torch.float32:
            return torch.matmul(x.to(dtype), weight.to(dtype)).float() + bias
        return torch.addmm(bias, x, weight) if weight.dim() == 2 else torch.baddbmm(bias, x, weight)


class HiddenLayer(nn.Module):
    """Computes an affine map, layer normalisation with scale and offset, and tanh."""

    def __init__(
        self, inputs: int, outputs: int, members: int | None, arithmetic: Arithmetic, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.affine = Affine(inputs, outputs, members, generator)
        self.scale = nn.Parameter(torch.ones_like(self.affine.bias))
        self.offset = nn.Parameter(torch.zeros_like(self.affine.bias))
        self._arithmetic = arithmetic

    def forward(self, x: Tensor, members: Tensor | None = None) -> Tensor:
        """Applies the layer; arguments as in `Affine.forward`."""
        scale, offset = self.scale, self.offset
        if members is not None:
            scale, offset = scale[members], offset[members]
        x = self.affine(x, self._arithmetic.product_dtype, members)
        x = nn.functional.layer_norm(x, x.shape[-1:], eps=LAYER_NORM_EPSILON) * scale + offset
        return 2 * torch.sigmoid(2 * x) - 1 if self._arithmetic.tanh_by_exponential else torch.tanh(x)


class Mlp(nn.Module):
    """Stacks hidden layers."""

    def __init__(
        self,
        inputs: int,
        hidden_sizes: Sequence[int],
        members: int | None,
        arithmetic: Arithmetic,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        sizes = [inputs, *hidden_sizes]
        self.layers = nn.ModuleList(HiddenLayer(a, b, members, arithmetic, generator) for a, b in pairwise(sizes))

    def forward(self, x: Tensor, members: Tensor | None = None) -> Tensor:
        """Returns features after the last tanh; arguments as in `Affine.forward`."""
        for layer in self.layers:
            x = layer(x, members)
        return x
