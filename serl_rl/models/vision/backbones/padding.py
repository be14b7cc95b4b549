"""Convolution and max pooling with XLA's SAME padding, which is one-sided where a stride leaves an odd remainder."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Returns the padding before and after one dimension, so that ceil(size / stride) windows fit.

    TensorFlow and XLA pad ceil(total / 2) after and floor(total / 2) before; torch pads both sides alike.

    Args:
        size: Elements of the dimension.
        kernel: Elements of a window.
        stride: Elements between two windows.
    """
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class SameConv(nn.Conv2d):
    """Convolves without bias and with SAME padding."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        """Maps shape (B, inputs, H, W) to (B, outputs, ceil(H / stride), ceil(W / stride))."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        top, bottom = same_padding(input.shape[-2], kernel, stride)
        left, right = same_padding(input.shape[-1], kernel, stride)
        if (top, left) == (bottom, right):
            return nn.functional.conv2d(input, self.weight, None, self.stride, (top, left))
        padded = nn.functional.pad(input, (left, right, top, bottom))
        return nn.functional.conv2d(padded, self.weight, None, self.stride)


def same_max_pool(x: Tensor, kernel: int, stride: int) -> Tensor:
    """Takes the largest value of each window; what padding adds never wins.

    Args:
        x: Shape (B, C, H, W).
        kernel: Height and width of a window.
        stride: Elements between two windows.

    Returns:
        Shape (B, C, ceil(H / stride), ceil(W / stride)).
    """
    top, bottom = same_padding(x.shape[-2], kernel, stride)
    left, right = same_padding(x.shape[-1], kernel, stride)
    if (top, left) == (bottom, right):
        return nn.functional.max_pool2d(x, kernel, stride, (top, left))
    lowest = torch.finfo(x.dtype).min
    return nn.functional.max_pool2d(nn.functional.pad(x, (left, right, top, bottom), value=lowest), kernel, stride)
