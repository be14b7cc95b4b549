import numpy as np
import pytest
import torch
from torch import nn

from serl_rl.models.vision.backbones.resnet import RESNET10_PARAMETERS, ResNet
from serl_rl.models.vision.weights.names import from_flax


def flat(tree, prefix=""):
    if isinstance(tree, np.ndarray):
        return {prefix[:-1]: tree}
    return {name: leaf for key, item in tree.items() for name, leaf in flat(item, f"{prefix}{key}/").items()}


def test_resnet10_has_upstream_parameter_count(generator):
    network = ResNet(generator)
    assert sum(parameter.numel() for parameter in network.parameters()) == RESNET10_PARAMETERS == 4_905_792
    assert len(list(network.parameters())) == 36
    stem = network.stem.weight.numel() + sum(p.numel() for p in network.stem_norm.parameters())
    blocks = [sum(p.numel() for p in block.parameters()) for block in network.blocks]
    assert (stem, *blocks) == (9_536, 73_984, 230_144, 919_040, 3_673_088)


@pytest.mark.trap
@pytest.mark.parametrize("size", [(64, 64), (50, 71)])
def test_forward_pass_agrees_with_numpy(reference, generator, make_images, size):
    params, images = reference.resnet10_params(), make_images(2, *size)
    network = ResNet(generator)
    network.load_state_dict(from_flax(flat(params)))
    expected = reference.resnet10(images.numpy().astype(float), params).transpose(0, 3, 1, 2)
    with torch.no_grad():
        maps = network(images)
    assert maps.shape == expected.shape
    assert expected.std() > 0.1
    np.testing.assert_allclose(maps.numpy(), expected, rtol=2e-3, atol=2e-3)


def test_128_pixels_become_4_by_4_maps(generator):
    assert ResNet(generator).feature_shape(128, 128) == (512, 4, 4)


@pytest.mark.trap
def test_group_norm_agrees_with_numpy(reference):
    rng = np.random.default_rng(0)
    x = rng.normal(3, 5, (2, 3, 4, 8))
    scale, bias = rng.standard_normal(8), rng.standard_normal(8)
    network = ResNet(torch.Generator())
    layer = nn.GroupNorm(network.stem_norm.num_groups, 8, eps=network.stem_norm.eps)
    layer.weight.data, layer.bias.data = torch.from_numpy(scale).float(), torch.from_numpy(bias).float()
    y = layer(torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).float()).detach().numpy()
    np.testing.assert_allclose(y, reference.group_norm(x, scale, bias).transpose(0, 3, 1, 2), atol=1e-4)


def test_same_seed_same_weights():
    one, two = (ResNet(torch.Generator().manual_seed(3)) for _ in range(2))
    other = ResNet(torch.Generator().manual_seed(4))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not torch.equal(one.stem.weight, other.stem.weight)


@pytest.mark.trap
def test_he_weights_have_the_variance_of_he(generator):
    weight = ResNet(generator).blocks[3].conv2.weight
    assert weight.std().item() == pytest.approx((2 / (512 * 9)) ** 0.5, rel=0.01)
    assert weight.abs().max() <= 2 * (2 / (512 * 9)) ** 0.5 / 0.8796 + 1e-6


def test_orthogonal_filters_are_orthogonal(generator):
    weight = ResNet(generator, initialization="orthogonal").blocks[1].conv1.weight.flatten(1)
    torch.testing.assert_close(weight @ weight.T, 2 * torch.eye(128), atol=1e-4, rtol=0)


def test_bfloat16_is_near_float32(generator, make_images):
    network, images = ResNet(generator).freeze(), make_images(2, 64, 64)
    exact = network(images)
    rough = network.to(torch.bfloat16)(images)
    assert rough.dtype == torch.bfloat16
    assert torch.nn.functional.cosine_similarity(exact.flatten(), rough.float().flatten(), dim=0) > 0.999


def test_a_condition_starts_as_the_identity_and_then_matters(make_images):
    images = make_images(2, 32, 32)
    plain = ResNet(torch.Generator().manual_seed(0))
    told = ResNet(torch.Generator().manual_seed(0), condition_size=5)
    condition = torch.randn(2, 5, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(told(images, condition), plain(images))
    nn.init.normal_(told.films[0].scale.weight, generator=torch.Generator().manual_seed(2))
    assert (told(images, condition) - plain(images)).abs().max() > 0.1


def test_film_agrees_with_its_formula(generator):
    from serl_rl.models.vision.film import Film

    film = Film(3, 2)
    film.scale.weight.data = torch.tensor([[1.0, 0, 0], [0, 2.0, 0]])
    film.shift.weight.data = torch.tensor([[0, 0, 1.0], [0, 0, -1.0]])
    maps = torch.ones(1, 2, 2, 2)
    y = film(maps, torch.tensor([[0.5, 3.0, 4.0]]))
    assert y[0, 0].unique().tolist() == [1.5 + 4]
    assert y[0, 1].unique().tolist() == [1 + 6 - 4]


def test_a_frozen_conditioned_network_still_learns_its_condition(generator, make_images):
    network = ResNet(generator, condition_size=3).freeze()
    assert not network.is_frozen
    network(make_images(1, 32, 32), torch.ones(1, 3)).sum().backward()
    assert network.films[0].shift.weight.grad.abs().sum() > 0
    assert network.stem.weight.grad is None


@pytest.mark.parametrize(
    ("condition_size", "condition", "words"),
    [(3, None, "None"), (3, torch.zeros(1, 2), r"\(1, 2\)"), (None, torch.zeros(1, 2), "takes no condition")],
)
def test_a_condition_that_does_not_fit_is_refused(generator, make_images, condition_size, condition, words):
    network = ResNet(generator, condition_size=condition_size)
    with pytest.raises(ValueError, match=words):
        network(make_images(1, 32, 32), condition)
