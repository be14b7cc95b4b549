"""The bounds cover what other orders of a sum do, and nothing that a mistake would."""

import numpy as np
import pytest
import torch

from tests.support.rounding import kernel_bound, sum_bound


@pytest.mark.parametrize("length", [3, 100, 3000])
def test_every_order_of_a_sum_is_within_its_bound(length):
    rng = np.random.default_rng(0)
    terms = rng.standard_normal(length).astype(np.float32)
    orders = [float(np.add.accumulate(rng.permutation(terms), dtype=np.float32)[-1]) for _ in range(20)]
    bound = sum_bound(length, np.abs(terms).sum())
    assert max(orders) - min(orders) <= bound
    assert bound < 1e-3 * np.abs(terms).sum()


def test_networks_that_sum_in_another_order_are_within_the_bound_and_others_are_not():
    layers = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3), torch.nn.Flatten(), torch.nn.Linear(8 * 36, 16), torch.nn.Tanh()
    )
    images = torch.randn(2, 3, 8, 8)
    bound = kernel_bound(lambda: layers(images))
    exact = layers.double()(images.double())
    assert (layers.float()(images) - exact).abs().max() < bound < 1e-3
    with torch.no_grad():
        layers[0].weight[0, 0, 0, 0] += 0.01
    assert (layers(images) - exact).abs().max() > bound
