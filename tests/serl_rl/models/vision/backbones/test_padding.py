import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from serl_rl.models.vision.backbones.padding import SameConv, same_max_pool, same_padding

SIZES = [(8, 8), (9, 7), (5, 12)]


def as_nchw(array):
    return torch.from_numpy(np.ascontiguousarray(array.transpose(0, 3, 1, 2))).float()


@given(st.integers(1, 200), st.integers(1, 7), st.integers(1, 4))
def test_same_padding_fits_as_many_windows_as_strides(size, kernel, stride):
    before, after = same_padding(size, kernel, stride)
    assert after - before in (0, 1)
    windows = (size + before + after - kernel) // stride + 1 if size + before + after >= kernel else 0
    assert windows == -(-size // stride)


@pytest.mark.trap
def test_an_even_size_is_padded_after_only():
    assert same_padding(32, 3, 2) == (0, 1)
    assert same_padding(33, 3, 2) == (1, 1)
    assert same_padding(32, 1, 2) == (0, 0)


@pytest.mark.trap
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (1, 2), (1, 1)])
def test_convolution_agrees_with_numpy(reference, size, kernel, stride):
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((2, *size, 4)), rng.standard_normal((kernel, kernel, 4, 6))
    layer = SameConv(4, 6, kernel, stride)
    layer.weight.data = torch.from_numpy(weight.transpose(3, 2, 0, 1).copy()).float()
    expected = reference.convolve(x, weight, stride)
    np.testing.assert_allclose(layer(as_nchw(x)).detach().numpy(), expected.transpose(0, 3, 1, 2), atol=1e-4)


def test_torch_padding_would_look_at_other_pixels(reference):
    """The trap: padding=1 at stride 2 shifts every window by one pixel."""
    x = np.random.default_rng(0).standard_normal((1, 8, 8, 1))
    weight = np.random.default_rng(1).standard_normal((3, 3, 1, 1))
    expected = as_nchw(reference.convolve(x, weight, 2))
    naive = nn.functional.conv2d(as_nchw(x), torch.from_numpy(weight.transpose(3, 2, 0, 1).copy()).float(), None, 2, 1)
    assert naive.shape == expected.shape
    assert (naive - expected).abs().max() > 0.1


@pytest.mark.trap
@pytest.mark.parametrize("size", SIZES)
def test_max_pooling_agrees_with_numpy_even_below_zero(reference, size):
    x = np.random.default_rng(0).standard_normal((2, *size, 3)) - 10
    expected = as_nchw(reference.max_pool(x))
    torch.testing.assert_close(same_max_pool(as_nchw(x), 3, 2), expected)
