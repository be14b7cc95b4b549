"""Pools feature maps into one vector an image."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from serl_rl.models.vision.encoder_config import Pooling
from serl_rl.models.vision.initialization import truncated_normal_


class SpatialLearnedEmbeddings(nn.Module):
    r"""Sums over the positions of each channel, with learned weights.

    .. math:: y_{cf} = \sum_{hw} x_{chw} k_{chwf}

    Args:
        shape: Channels, height and width of the maps.
        embeddings: Sums of each channel; SERL takes 8.
        generator: Source of the initial weights, of variance 1 / (C h w).
    """

    def __init__(self, shape: tuple[int, int, int], embeddings: int, generator: torch.Generator) -> None:
        super().__init__()
        channels, height, width = shape
        self.kernel = nn.Parameter(torch.empty(channels, height, width, embeddings))
        with torch.no_grad():
            truncated_normal_(self.kernel, 1 / (channels * height * width), generator)

    def forward(self, maps: Tensor) -> Tensor:
        """Pools in the type of the maps. Shape (B, C, h, w) to (B, C * embeddings), channel by channel."""
        if torch.compiler.is_compiling():
            return _WeightedSums.apply(maps, self.kernel).flatten(1).to(maps.dtype)
        kernel = self.kernel.to(maps.dtype)
        # One small product a channel: (C, B, hw) (C, hw, F).
        sums = torch.bmm(maps.flatten(2).transpose(0, 1), kernel.flatten(1, 2))
        return sums.transpose(0, 1).flatten(1)


class _WeightedSums(torch.autograd.Function):
    """Computes spatial learned embeddings in the forms that compile to the fastest loops.

    Forwards, channel beside channel as frozen maps lie in memory; the kernel's gradient, one small product a channel.
    """

    @staticmethod
    def forward(maps: Tensor, kernel: Tensor) -> Tensor:
        """Maps shapes (B, C, h, w) and (C, h, w, F) to float32 of shape (B, C, F)."""
        last = kernel.permute(3, 1, 2, 0).contiguous()
        return (maps.permute(0, 2, 3, 1).unsqueeze(1) * last).sum((2, 3)).transpose(1, 2)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:  # noqa: ANN401 - torch's own.
        """Keeps the maps."""
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor]:  # noqa: ANN401 - torch's own.
        """Returns the gradients of the maps, where a backbone is trained, and of the kernel."""
        maps, kernel = ctx.saved_tensors
        of_maps = None
        if ctx.needs_input_grad[0]:
            of_maps = torch.einsum("bcf,chwf->bchw", gradients[0], kernel).to(maps.dtype)
        positions = maps.flatten(2).permute(1, 2, 0).contiguous()
        sums = torch.bmm(positions, gradients[0].to(maps.dtype).transpose(0, 1).contiguous())
        return of_maps, sums.view_as(kernel).to(kernel.dtype)


class SpatialSoftmax(nn.Module):
    """Computes the expected position of each channel's activation, in [-1, 1] (Levine et al. 2016, arXiv:1504.00702).

    Args:
        shape: Channels, height and width of the maps.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        _, height, width = shape
        rows, columns = torch.linspace(-1, 1, height), torch.linspace(-1, 1, width)
        self.register_buffer("x", columns.repeat(height), persistent=False)
        self.register_buffer("y", rows.repeat_interleave(width), persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Pools in float32. Shape (B, C, h, w) to (B, 2 C): all x to the right, then all y downwards."""
        attention = torch.softmax(maps.flatten(2).float(), dim=-1)
        return torch.cat([attention @ self.get_buffer("x"), attention @ self.get_buffer("y")], dim=-1)


class AveragePooling(nn.Module):
    """Takes the mean of each channel."""

    def forward(self, maps: Tensor) -> Tensor:
        """Maps shape (B, C, h, w) to (B, C)."""
        return maps.mean((-2, -1))


class MaxPooling(nn.Module):
    """Takes the largest value of each channel."""

    def forward(self, maps: Tensor) -> Tensor:
        """Maps shape (B, C, h, w) to (B, C)."""
        return maps.amax((-2, -1))


def make_pooling(
    kind: Pooling, shape: tuple[int, int, int], embeddings: int, generator: torch.Generator
) -> tuple[nn.Module, int]:
    """Makes a pooling.

    Args:
        kind: Which one.
        shape: Channels, height and width of the maps.
        embeddings: Sums of each channel; for "learned" alone.
        generator: Source of initial weights.

    Returns:
        The module, and the components of its output.

    Raises:
        ValueError: There is no such pooling.
    """
    channels = shape[0]
    if kind == "learned":
        return SpatialLearnedEmbeddings(shape, embeddings, generator), channels * embeddings
    if kind == "softmax":
        return SpatialSoftmax(shape), 2 * channels
    if kind == "average":
        return AveragePooling(), channels
    if kind == "max":
        return MaxPooling(), channels
    raise ValueError(f"pooling is {kind!r}; it must be 'learned', 'softmax', 'average' or 'max'")
