"""How far two machines may differ in a computation: bounds on rounding, derived instead of tried out.

A sum of n products comes out within n * u / (1 - n * u) of the magnitudes of its terms, in whatever order it is added
and with or without fused multiplication (Higham, Accuracy and Stability of Numerical Algorithms, 3.1); u is half
of the distance from 1 to the next number. Kernels choose that order by the processor and by the size of a batch, so
that two results of one network are equal to the bit on one machine and not on the next.
"""

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

CONVOLUTION = torch.nn.functional.conv2d
LINEAR = torch.nn.functional.linear
PRODUCTS = {
    CONVOLUTION,
    LINEAR,
    *(torch.addmm, torch.baddbmm, torch.bmm, torch.einsum, torch.matmul, torch.mm),
    *(torch.Tensor.matmul, torch.Tensor.__matmul__),
}


def sum_bound(length, magnitude=1.0, dtype=np.float32):
    """How far two sums of as many products may differ, of terms whose magnitudes add up to so much.

    Operations one after another add their lengths; an elementary function (exp, tanh, log) counts as four.
    """
    unit = length * np.finfo(dtype).eps / 2
    assert unit < 0.1, "so long a sum tells nothing in this type"
    return float(2 * unit / (1 - unit) * magnitude)


def kernel_bound(compute, draws=4):
    """How far two machines may differ in what networks compute: the condition is measured, the error is Higham's.

    `compute` runs as it is and then as if on other machines, which are off in every product of matrices and every
    convolution by as much as the order of its sum permits. Twice the largest effect, because either machine may err.

    Args:
        compute: Computes an array or a tensor.
        draws: How many other machines are tried.
    """
    here, largest = _array(compute()), 0.0
    for seed in range(draws):
        with OtherKernels(seed):
            largest = max(largest, float(np.abs(_array(compute()) - here).max()))
    last = float(np.finfo(np.float32).eps * np.abs(here).max())  # Of a result that is itself a float32.
    return 2 * (largest + last)


class OtherKernels(TorchFunctionMode):
    """Moves every result of a sum of products, at random, by as much as the order of the sum may move it."""

    def __init__(self, seed):
        super().__init__()
        self._generator = torch.Generator().manual_seed(seed)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if function not in PRODUCTS:
            return result
        with torch.no_grad():
            sizes = function(
                *map(_magnitude, args), **{name: _magnitude(value) for name, value in (kwargs or {}).items()}
            )
            unit = _sum_length(function, args) * torch.finfo(torch.float32).eps / 2
            error = unit * sizes.float() + torch.finfo(result.dtype).eps / 2 * result.float().abs()
            share = torch.rand(result.shape, generator=self._generator) * 2 - 1
            return result + (share * error).to(result.dtype)


def _magnitude(value):
    return value.abs() if torch.is_tensor(value) else value


def _sum_length(function, args):
    """How many products meet in one result."""
    tensors = [value for value in args if torch.is_tensor(value)]
    if function is CONVOLUTION:
        return tensors[1][0].numel()
    if function is LINEAR:
        return tensors[1].shape[-1]
    if function is torch.einsum:
        return max(max(tensor.shape) for tensor in tensors)
    factor = tensors[-1]
    return factor.shape[-2] if factor.dim() > 1 else factor.shape[0]


def _array(output):
    return np.asarray(output.detach().double() if torch.is_tensor(output) else output, dtype=np.float64)
