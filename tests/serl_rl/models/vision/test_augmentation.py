from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from serl_rl.models.vision.augmentation import draw_shifts, shifted


def compiling(is_compiling):
    """A GPU, and code that is being compiled, take an index for each pixel instead of a slice for each image."""
    return mock.patch("torch.compiler.is_compiling", return_value=is_compiling)


@pytest.mark.trap
@pytest.mark.parametrize("is_compiling", [False, True])
@given(st.integers(0, 2**31), st.integers(1, 6), st.integers(1, 9), st.integers(1, 9))
def test_a_shift_is_a_crop_of_the_image_with_its_edges_repeated(is_compiling, seed, count, height, width):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, height, width, 3), dtype=np.uint8)
    shifts = rng.integers(-4, 5, (count, 2))
    padded = np.pad(images, [(0, 0), (4, 4), (4, 4), (0, 0)], mode="edge")
    expected = [
        padded[i, 4 + down : 4 + down + height, 4 + right : 4 + right + width] for i, (down, right) in enumerate(shifts)
    ]
    with compiling(is_compiling):
        moved = shifted(torch.from_numpy(images), torch.from_numpy(shifts))
    assert moved.dtype == torch.uint8
    np.testing.assert_array_equal(moved.numpy(), np.stack(expected))


def test_shifts_are_uniform_and_reproducible():
    shifts = draw_shifts(9000, torch.Generator().manual_seed(0))
    assert torch.equal(shifts, draw_shifts(9000, torch.Generator().manual_seed(0)))
    for axis in range(2):
        values, counts = shifts[:, axis].unique(return_counts=True)
        assert values.tolist() == list(range(-4, 5))
        assert counts.min() > 850
    assert abs(np.corrcoef(shifts.T.numpy())[0, 1]) < 0.05
