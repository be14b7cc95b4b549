"""What holds for every backbone."""

import numpy as np
import pytest
import torch

from serl_rl.models.vision.backbones.normalization import imagenet_scaling
from serl_rl.models.vision.encoder_config import BackboneConfig
from serl_rl.models.vision.factory import make_backbone
from tests.support.rounding import kernel_bound

SHAPES = {
    "resnet10": (512, 2, 2),
    "small": (256, 1, 1),
    "mobilenet": (576, 2, 2),
    "resnet18": (512, 2, 2),
    "resnet50": (2048, 2, 2),
}


_LARGE = {"resnet50"}


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=[pytest.mark.slow] if name in _LARGE else []) for name in SHAPES],
)
def name(request):
    return request.param


def test_small_encoder_agrees_with_numpy(reference, make_images):
    network, images = make_backbone(BackboneConfig(name="small")), make_images(2, 40, 40)
    x = images.numpy() / 255
    for layer in network.convolutions:
        layer.bias.data += 0.1
        kernel = layer.weight.detach().numpy().transpose(2, 3, 1, 0)
        x = np.maximum(reference.convolve(x, kernel, 2, [(0, 0), (0, 0)]) + 0.1, 0)
    bound = kernel_bound(lambda: network(images))
    np.testing.assert_allclose(network(images).numpy(), x.transpose(0, 3, 1, 2), rtol=0, atol=bound)


def test_maps_have_the_promised_shape_and_move_with_the_image(name, make_images):
    network = make_backbone(BackboneConfig(name=name))
    maps = network(make_images(2, 36, 36))
    assert network.feature_shape(36, 36) == tuple(maps.shape[1:]) == SHAPES[name]
    assert torch.isfinite(maps).all()
    assert (maps[0] - maps[1]).abs().max() > 1e-3


@pytest.mark.trap
def test_a_frozen_backbone_receives_no_gradient(name, make_images):
    network = make_backbone(BackboneConfig(name=name, frozen=True)).train()
    assert not network.training
    assert network.is_frozen
    assert not network(make_images(1, 36, 36)).requires_grad
    assert not any(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.trap
def test_a_backbone_that_is_tuned_receives_gradients_everywhere(name, make_images):
    network = make_backbone(BackboneConfig(name=name, frozen=False)).train()
    network(make_images(2, 36, 36)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    assert all(parameter.grad.abs().sum() > 0 for parameter in network.parameters() if parameter.dim() == 4)


@pytest.mark.trap
def test_scaling_agrees_with_numpy(reference, make_images):
    images = make_images(2, 5, 4)
    expected = (images.numpy() / 255 - reference.MEAN) / reference.DEVIATION
    scaled = imagenet_scaling()(images)
    np.testing.assert_allclose(scaled.numpy(), expected.transpose(0, 3, 1, 2), atol=1e-6)
    assert scaled.is_contiguous(memory_format=torch.channels_last)


def test_scaling_keeps_float32_in_a_bfloat16_network(make_images):
    images = make_images(2, 5, 4)
    assert torch.equal(imagenet_scaling().to(torch.bfloat16)(images), imagenet_scaling()(images))


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (torch.zeros(2, 3, 64, 64, dtype=torch.uint8), "channels first"),
        (torch.zeros(2, 64, 64, 3), "torch.float32"),
        (torch.zeros(64, 64, 3, dtype=torch.uint8), r"\(64, 64, 3\)"),
        (torch.zeros(2, 64, 64, 1, dtype=torch.uint8), r"\(2, 64, 64, 1\)"),
    ],
)
def test_images_of_another_kind_are_refused(images, words):
    with pytest.raises(ValueError, match=words):
        make_backbone(BackboneConfig(name="small"))(images)


def test_images_that_are_too_small_are_refused():
    with pytest.raises(ValueError, match="16 x 16 px are too small"):
        make_backbone(BackboneConfig(name="small")).feature_shape(16, 16)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="'vgg'"):
        make_backbone(BackboneConfig(name="vgg"))
    with pytest.raises(ValueError, match="takes no condition"):
        make_backbone(BackboneConfig(name="small", condition_size=3))
    with pytest.raises(ValueError, match="'he', 'orthogonal'"):
        make_backbone(BackboneConfig(initialization="zeros"))
