import math

import numpy as np
import pytest
import torch

from serl_rl.models.mlp import Affine, Arithmetic, HiddenLayer, Mlp
from tests.support.rounding import kernel_bound


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def hidden_by_hand(x, layer):
    """Affine, normalisation over features, tanh; float64 NumPy."""
    weight, bias, scale, offset = (
        value.detach().double().numpy() for value in (layer.affine.weight, layer.affine.bias, layer.scale, layer.offset)
    )
    y = x @ weight + bias
    y = (y - y.mean(-1, keepdims=True)) / np.sqrt(y.var(-1, keepdims=True) + 1e-6)
    return np.tanh(y * scale + offset)


def disturb(module, generator):
    for parameter in module.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, generator=generator)


@pytest.mark.parametrize("members", [None, 3])
@pytest.mark.parametrize("by_exponential", [False, True])
def test_hidden_layer_is_affine_norm_tanh(generator, members, by_exponential):
    layer = HiddenLayer(5, 7, members, Arithmetic(tanh_by_exponential=by_exponential), generator)
    disturb(layer, generator)
    x = torch.randn(4, 5, generator=generator)
    given = x if members is None else x.expand(members, 4, 5)
    expected = hidden_by_hand(given.double().numpy(), layer)
    np.testing.assert_allclose(layer(given).detach(), expected, rtol=0, atol=kernel_bound(lambda: layer(given)))


@pytest.mark.trap
def test_normalisation_uses_the_epsilon_of_flax(generator):
    layer = HiddenLayer(1, 2, None, Arithmetic(), generator)
    layer.affine.weight.data = torch.tensor([[1e-3, -1e-3]])
    # The variance is 1e-6, so that half of what is under the root is epsilon; with torch's default it would be a tenth.
    assert layer(torch.ones(1, 1))[0, 0].item() == pytest.approx(math.tanh(math.sqrt(0.5)), rel=1e-4)


def test_members_are_initialised_apart_and_within_xavier_bounds(generator):
    weight = Affine(30, 20, 4, generator).weight
    bound = math.sqrt(6 / 50)
    assert weight.shape == (4, 30, 20)
    assert weight.abs().max() <= bound
    assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)
    assert not torch.equal(weight[0], weight[1])


def test_chosen_members_equal_those_of_the_whole(generator):
    mlp = Mlp(5, (8, 8), 4, Arithmetic(), generator)
    x = torch.randn(6, 5, generator=generator)
    everything = mlp(x.expand(4, 6, 5))
    members = torch.tensor([2, 2, 0])
    bound = kernel_bound(lambda: mlp(x.expand(4, 6, 5)))
    torch.testing.assert_close(mlp(x.expand(3, 6, 5), members), everything[members], rtol=0, atol=bound)


def test_bfloat16_is_close_and_leaves_everything_else_in_float32(generator):
    exact = Mlp(20, (64, 64), 2, Arithmetic(), generator)
    rough = Mlp(20, (64, 64), 2, Arithmetic(product_dtype=torch.bfloat16), generator)
    rough.load_state_dict(exact.state_dict())
    x = torch.randn(32, 20, generator=generator).expand(2, 32, 20)
    found = rough(x)
    assert found.dtype == torch.float32
    assert 0 < (found - exact(x)).abs().mean() < 0.01
    found.sum().backward()
    assert all(parameter.grad is not None and parameter.grad.dtype == torch.float32 for parameter in rough.parameters())
