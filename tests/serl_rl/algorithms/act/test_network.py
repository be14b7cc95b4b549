"""The network of action chunking: shapes, an account in NumPy, masks, styles."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from serl_api.settings import ConfigError
from serl_rl.algorithms.act.camera_tokens import CameraTokens
from serl_rl.algorithms.act.config import ActConfig, ExecutionConfig
from serl_rl.algorithms.act.losses import masked_l1, style_divergence
from serl_rl.algorithms.act.network import ActNetwork
from serl_rl.models.vision.encoder_config import BackboneConfig
from serl_rl.models.vision.factory import make_backbones
from serl_rl.protocol.spec import SpecError
from tests.support.transformer_account import TransformerAccount, act_chunk, act_losses

SMALL = ActConfig(
    chunk_size=5, hidden_size=16, feedforward_size=24, heads=4, encoder_layers=2, latent_encoder_layers=2, latent_size=3
)
SHAPES = {"left": (6, 2, 3), "right": (6, 2, 4)}


def network(config=SMALL, *, state=4, action=2, cameras=None, seed=0):
    torch.manual_seed(seed)
    tokens = None if cameras is None else CameraTokens(config, cameras, None)
    return ActNetwork(config, state, action, tokens).eval()


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def padded(count, length, first):
    """The last actions of each chunk are padding, from a place of its own."""
    return torch.arange(length)[None] >= torch.tensor(first)[:count, None]


def test_shapes_of_the_walk_through():
    config = replace(SMALL, chunk_size=32, latent_size=32)
    names = ("top", "left_wrist", "right_wrist")
    backbones = make_backbones(BackboneConfig(name="resnet18", frozen=False), names)
    shapes = {name: backbones[name].feature_shape(64, 96) for name in names}
    net = ActNetwork(config, 14, 16, CameraTokens(config, shapes, backbones)).eval()
    assert shapes["top"] == (512, 2, 3)
    images = {name: torch.zeros(4, 64, 96, 3, dtype=torch.uint8) for name in names}
    made = net(draw(4, 14), images, draw(4, 32, 16), padded(4, 32, [32, 20, 1, 7]), draw(4, 32))
    assert net.cameras.token_count == 2 * 9
    assert net.style_encoder.places.shape == (1 + 1 + 32, 16)
    assert (made.actions.shape, made.mean.shape, made.log_variance.shape) == ((4, 32, 16), (4, 32), (4, 32))
    assert len(net.cameras.backbones) == 1  # One for all cameras.


@pytest.mark.parametrize("cameras", [None, SHAPES])
def test_loss_is_that_of_an_account_in_numpy(cameras):
    net = network(cameras=cameras)
    state, actions, noise = draw(3, 4), draw(3, 5, 2, seed=1), draw(3, 3, seed=2)
    is_pad = padded(3, 5, [5, 2, 3])
    seen = {name: draw(3, *shape, seed=3) for name, shape in (cameras or {}).items()}
    made = net(state, seen or None, actions, is_pad, noise)
    account = TransformerAccount(net.state_dict(), SMALL.heads)
    maps = [value.double().numpy() for value in seen.values()]
    values = (value.double().numpy() for value in (state, actions, noise))
    state64, actions64, noise64 = values
    predicted, distance, kl = act_losses(account, SMALL, state64, maps, actions64, is_pad.numpy(), noise64)
    np.testing.assert_allclose(made.actions.detach(), predicted, atol=1e-5)
    assert masked_l1(made.actions, actions, is_pad).item() == pytest.approx(distance, abs=1e-5)
    assert style_divergence(made.mean, made.log_variance).item() == pytest.approx(kl, abs=1e-5)
    mean_style = act_chunk(account, SMALL, state64, maps, np.zeros((3, 3)))
    np.testing.assert_allclose(net(state, seen or None).actions.detach(), mean_style, atol=1e-5)


def test_padding_changes_neither_style_nor_loss():
    net, is_pad = network(), padded(2, 5, [2, 4])
    state, actions, noise = draw(2, 4), draw(2, 5, 2, seed=1), draw(2, 3, seed=2)
    others = torch.where(is_pad[..., None], 100.0, actions)
    one, two = (net(state, None, given, is_pad, noise) for given in (actions, others))
    assert torch.equal(one.mean, two.mean)
    assert masked_l1(one.actions, actions, is_pad) == masked_l1(two.actions, others, is_pad)
    assert not torch.equal(net(state, None, others, torch.zeros_like(is_pad), noise).mean, one.mean)


def test_distance_counts_each_action_alike_and_nothing_without_any():
    predicted, actions = torch.tensor([[[1.0], [2.0]], [[3.0], [9.0]]]), torch.zeros(2, 2, 1)
    is_pad = torch.tensor([[False, False], [False, True]])
    assert masked_l1(predicted, actions, is_pad).item() == pytest.approx(2.0)
    assert masked_l1(predicted, actions, torch.ones(2, 2, dtype=torch.bool)).item() == 0.0


def test_acting_takes_the_mean_style_and_nothing_of_the_demonstrations():
    net = network()
    state = draw(2, 4)
    assert torch.equal(net(state).actions, net(state).actions)
    with torch.no_grad():
        for parameter in net.style_encoder.parameters():
            parameter.fill_(torch.nan)
    assert net(state).actions.isfinite().all()


def test_style_reaches_the_chunk():
    net, state, is_pad = network(), draw(2, 4), padded(2, 5, [5, 5])
    one, two = (net(state, None, draw(2, 5, 2), is_pad, draw(2, 3, seed=seed)).actions for seed in (1, 2))
    assert not torch.allclose(one, two)


def test_without_a_style_and_without_a_state():
    config = replace(SMALL, latent_size=0)
    plain = network(config)
    assert plain.style_encoder is None
    assert plain(draw(2, 4), None, draw(2, 5, 2), padded(2, 5, [5, 5]), draw(2, 0)).mean is None
    seeing = network(config, state=0, cameras=SHAPES)
    seen = {name: draw(2, *shape) for name, shape in SHAPES.items()}
    assert seeing(torch.empty(2, 0), seen).actions.shape == (2, 5, 2)


@pytest.mark.parametrize("positions", ["sine", "learned"])
def test_cameras_and_places_are_told_apart(positions):
    tokens = CameraTokens(replace(SMALL, positions=positions), SHAPES, None)
    _, places = tokens({name: draw(1, *shape) for name, shape in SHAPES.items()})
    assert places.shape == (2 * 7, 16)
    assert torch.cdist(places, places).add(torch.eye(14)).min() > 1e-3
    assert any(name.startswith("positions") for name, _ in tokens.named_parameters()) == (positions == "learned")


def test_maps_that_do_not_stand_side_by_side_are_refused():
    with pytest.raises(SpecError, match="heights left 2, right 3; images must be of one height"):
        CameraTokens(SMALL, {"left": (6, 2, 3), "right": (6, 3, 3)}, None)


def test_backbones_of_their_own_and_fixed_statistics():
    backbones = make_backbones(
        BackboneConfig(name="resnet18", shared=False, frozen=False, normalization="fixed-batch"), ("a", "b")
    )
    shapes = {name: backbone.feature_shape(32, 32) for name, backbone in backbones.items()}
    tokens = CameraTokens(SMALL, shapes, backbones).train()
    before = {name: value.clone() for name, value in tokens.named_buffers()}
    images = torch.randint(0, 256, (2, 32, 32, 3), dtype=torch.uint8)
    one, _ = tokens({"a": images, "b": images})
    assert len(tokens.backbones) == 2
    assert not torch.equal(one[:, 0], one[:, 1])
    assert all(torch.equal(before[name], value) for name, value in tokens.named_buffers())


def test_dilation_doubles_the_map_of_resnet50():
    backbone = make_backbones(BackboneConfig(name="resnet50", frozen=False), ("a",), is_dilated=True)["a"]
    assert backbone.feature_shape(64, 64) == (2048, 4, 4)
    with pytest.raises(ValueError, match="name is resnet18, which cannot be dilated; only resnet50 can"):
        make_backbones(BackboneConfig(name="resnet18"), ("a",), is_dilated=True)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"hidden_size": 130}, "hidden_size is 130; it must be a multiple of 4 and of heads, which is 8"),
        ({"chunk_size": 0}, "chunk_size is 0; it must be at least 1"),
        ({"dropout": 1.0}, "dropout is 1.0; it must be in [0, 1)"),
        (
            {"chunk_size": 4, "execution": ExecutionConfig(executed_steps=5)},
            "execution.executed_steps is 5; it must be at most chunk_size, which is 4",
        ),
        (
            {"chunk_size": 6, "execution": ExecutionConfig(mode="real-time")},
            "execution.committed_steps is 3; it must be below half of chunk_size, which is 6, in real time",
        ),
        (
            {"execution": ExecutionConfig(mode="real-time", executed_steps=2)},
            "execution.executed_steps is 2; it must be 0, or above execution.committed_steps, which is 3, in real time",
        ),
    ],
)
def test_settings_that_cannot_work_get_one_sentence(values, sentence):
    with pytest.raises(ConfigError) as caught:
        ActConfig(**values)
    assert str(caught.value) == sentence
