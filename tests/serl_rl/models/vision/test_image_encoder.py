from functools import partial

import numpy as np
import pytest
import torch

from serl_rl.models.mlp import Arithmetic
from serl_rl.models.vision.conditioning import GoalConditionedEncoder, LanguageConditionedEncoder
from serl_rl.models.vision.encoder_config import BackboneConfig, EncoderConfig, HeadConfig
from serl_rl.models.vision.factory import make_image_encoder
from serl_rl.models.vision.head import ImageHead
from tests.support.rounding import kernel_bound

SIZES = {"wrist": (40, 40), "front": (40, 40), "side": (36, 48)}
SMALL = BackboneConfig(name="small")


def build(sizes=SIZES, *, head=None, **backbone):
    config = EncoderConfig(
        backbone=BackboneConfig(**{"name": "small", **backbone}), head=head or HeadConfig(bottleneck=16)
    )
    return make_image_encoder(config, sizes, torch.Generator().manual_seed(0))


@pytest.fixture
def images(make_images):
    return {camera: make_images(3, *size, seed=i) for i, (camera, size) in enumerate(SIZES.items())}


def test_upstream_parameter_counts():
    encoder = make_image_encoder(EncoderConfig(), {"a": (128, 128), "b": (128, 128)}, torch.Generator())
    assert sum(p.numel() for p in encoder.backbones.parameters()) == 4_905_792
    assert sum(p.numel() for p in encoder.heads.head("a").parameters()) == 1_114_880
    assert encoder.output_size == 512
    small = build({"a": (128, 128)}, head=HeadConfig(pooling="average"))
    assert sum(p.numel() for p in small.parameters()) == 454_720


def test_head_agrees_with_numpy(reference):
    head = ImageHead((5, 3, 4), HeadConfig(bottleneck=7), Arithmetic(), torch.Generator().manual_seed(0)).eval()
    layer = head.bottleneck
    torch.manual_seed(0)
    for parameter in (layer.affine.bias, layer.scale, layer.offset):
        parameter.data = torch.randn_like(parameter)
    maps = torch.randn(2, 5, 3, 4)
    x = np.einsum("bchw,chwf->bcf", maps.numpy(), head.pooling.kernel.detach().numpy()).reshape(2, -1)
    x = x @ layer.affine.weight.detach().numpy() + layer.affine.bias.detach().numpy()
    expected = np.tanh(reference.layer_norm(x, layer.scale.detach().numpy(), layer.offset.detach().numpy()))
    np.testing.assert_allclose(head(maps).detach().numpy(), expected, atol=1e-5)


def test_dropout_follows_learned_embeddings_only():
    rates = {
        pooling: ImageHead((4, 2, 2), HeadConfig(pooling=pooling), Arithmetic(), torch.Generator()).dropout.p
        for pooling in ("learned", "softmax", "average", "max")
    }
    assert rates == {"learned": 0.1, "softmax": 0.0, "average": 0.0, "max": 0.0}


@pytest.mark.trap
def test_output_is_in_the_order_of_the_cameras_not_of_the_alphabet(images):
    encoder = build().eval()
    maps = encoder.features(images)
    assert list(maps) == ["wrist", "front", "side"]
    parts = [encoder.heads.head(camera)(maps[camera]) for camera in SIZES]
    torch.testing.assert_close(encoder(images), torch.cat(parts, dim=-1))
    assert encoder(images).shape == (3, encoder.output_size) == (3, 48)


def test_cached_features_give_the_same_output(images):
    encoder = build().eval()
    torch.testing.assert_close(encoder.forward_features(encoder.features(images)), encoder(images))
    half = {camera: maps.half() for camera, maps in encoder.features(images).items()}
    torch.testing.assert_close(encoder.forward_features(half), encoder(images), atol=0.02, rtol=0.02)


def test_a_shared_backbone_runs_once_for_cameras_of_one_size(images):
    encoder = build()
    sizes = []
    encoder.backbones[0].register_forward_hook(lambda _, inputs, __: sizes.append(len(inputs[0])))
    encoder(images)
    assert len(encoder.backbones) == 1
    assert sizes == [6, 3]


def test_shared_gives_each_camera_what_it_would_get_alone(images):
    encoder = build().eval()
    together = encoder.features(images)
    for camera in SIZES:
        alone = partial(encoder.backbone(camera), images[camera])
        torch.testing.assert_close(together[camera], alone(), rtol=0, atol=kernel_bound(alone))


def test_independent_backbones_differ_and_learn_apart(images):
    encoder = build(shared=False, frozen=False)
    assert len(encoder.backbones) == 3
    weights = [backbone.convolutions[0].weight for backbone in encoder.backbones]
    assert not torch.equal(weights[0], weights[1])
    encoder(images)[:, :16].square().sum().backward()  # Of the first camera alone.
    assert weights[0].grad.abs().sum() > 0
    assert weights[1].grad is None or not weights[1].grad.any()


def test_tuning_a_shared_backbone_sums_the_gradients_of_all_cameras(images):
    encoder = build(frozen=False, head=HeadConfig(bottleneck=16, dropout=0.0))
    weight = encoder.backbones[0].convolutions[0].weight
    generator = torch.Generator().manual_seed(1)
    directions = [torch.randn(16, generator=generator) for _ in SIZES]

    def gradient(cameras):
        weight.grad = None
        y = encoder(images)
        loss = sum((y[:, 16 * i : 16 * i + 16] * directions[i]).sum() for i in cameras)
        loss.backward()
        return weight.grad.clone()

    apart = gradient([0]) + gradient([1]) + gradient([2])
    assert apart.abs().sum() > 0
    torch.testing.assert_close(gradient([0, 1, 2]), apart, atol=1e-4, rtol=1e-3)


def test_heads_learn_over_a_frozen_backbone(images):
    """The rival's bug: a head inside no_grad stays a random projection for ever."""
    encoder = build(frozen=True)
    encoder(images).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in encoder.heads.parameters())
    assert all(p.grad is None for p in encoder.backbones.parameters())
    assert encoder.is_frozen


def test_functional_gradients_reach_the_heads(images):
    from torch.func import functional_call, grad

    encoder = build(frozen=True, head=HeadConfig(bottleneck=16, dropout=0.0))
    arrays = {name: value.detach() for name, value in encoder.named_parameters()}
    gradients = grad(lambda arrays: functional_call(encoder, arrays, (images,)).square().sum())(arrays)
    assert all(gradients[name].abs().sum() > 0 for name in arrays if name.startswith("heads."))
    assert not any(gradients[name].any() for name in arrays if name.startswith("backbones."))


def test_bad_images_are_refused(images, make_images):
    encoder = build()
    with pytest.raises(ValueError, match="no camera 'front'; it has side, wrist"):
        encoder({camera: value for camera, value in images.items() if camera != "front"})
    with pytest.raises(ValueError, match=r"'side' have shape \(40, 40, 3\); this encoder needs \(36, 48, 3\)"):
        encoder(images | {"side": make_images(3, 40, 40)})
    with pytest.raises(ValueError, match=r"maps of camera 'wrist' have shape \(2, 2, 2\)"):
        encoder.forward_features(encoder.features(images) | {"wrist": torch.zeros(3, 2, 2, 2)})
    with pytest.raises(ValueError, match="at least one camera"):
        build({})


@pytest.mark.parametrize(
    ("values", "words"),
    [({"dropout": 1.0}, "dropout is 1.0"), ({"bottleneck": 0}, "bottleneck"), ({"embeddings": 0}, "embeddings")],
)
def test_bad_settings_are_refused(values, words):
    with pytest.raises(ValueError, match=words):
        HeadConfig(**values)
    with pytest.raises(ValueError, match="pooling is 'sum'"):
        build(head=HeadConfig(pooling="sum"))


def test_goals_stand_beside_the_observation(images):
    encoder = build().eval()
    conditioned = GoalConditionedEncoder(encoder)
    goals = {camera: value[:1] for camera, value in images.items()}
    y = conditioned(images, goals)
    assert y.shape == (3, conditioned.output_size)
    torch.testing.assert_close(y[:, :48], encoder(images))
    torch.testing.assert_close(y[:, 48:], encoder(goals).expand(3, -1))
    other = GoalConditionedEncoder(encoder, build(seed=5)).eval()
    assert not torch.equal(other(images, goals)[:, 48:], y[:, 48:])


def test_language_modulates_a_conditioned_backbone_and_stands_beside(make_images):
    images = {"front": make_images(2, 40, 40)}
    encoder = build({"front": (40, 40)}, name="resnet10", condition_size=6)
    conditioned = LanguageConditionedEncoder(encoder, 6, torch.Generator().manual_seed(0))
    sentence = torch.randn(1, 6, generator=torch.Generator().manual_seed(0))
    y = conditioned(images, sentence)
    assert y.shape == (2, conditioned.output_size) == (2, 16 + 64)
    y.square().sum().backward()
    assert encoder.backbones[0].films[3].scale.weight.grad.abs().sum() > 0
    assert conditioned.reduction.affine.weight.grad.abs().sum() > 0


def test_language_beside_a_backbone_without_condition(images):
    conditioned = LanguageConditionedEncoder(build().eval(), 6, torch.Generator())
    one, two = (conditioned(images, torch.full((3, 6), value)) for value in (0.0, 1.0))
    torch.testing.assert_close(one[:, :48], two[:, :48])
    assert conditioned(images, torch.zeros(1, 6)).shape == one.shape
    with pytest.raises(ValueError, match=r"\(3, 5\); this encoder needs \(batch, 6\)"):
        conditioned(images, torch.zeros(3, 5))
    with pytest.raises(ValueError, match="embedding_size is 4"):
        LanguageConditionedEncoder(build({"front": (64, 64)}, name="resnet10", condition_size=6), 4, torch.Generator())
