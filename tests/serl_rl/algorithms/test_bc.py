"""Losses of behaviour cloning against NumPy, and what they train."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from serl_rl.algorithms.bc import BcAgent, cloning_loss, grasp_cloning_loss, squashed_log_probability
from serl_rl.algorithms.bc_config import BcConfig
from serl_rl.algorithms.sac.config import SacConfig
from serl_rl.algorithms.sac.numpy_policy import NumpyPolicy
from serl_rl.algorithms.sac.vision_policy import VisionPolicy
from serl_rl.models.gaussian_policy import squashed_sample
from serl_rl.models.vision.config import VisionConfig
from serl_rl.models.vision.encoder_config import BackboneConfig, EncoderConfig, HeadConfig
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec

NETWORKS = SacConfig(hidden_sizes=(16, 16), compile="off")
VISION = VisionConfig(
    encoder=EncoderConfig(
        backbone=BackboneConfig(name="small"), head=HeadConfig(embeddings=2, bottleneck=8, dropout=0.5)
    ),
    proprioception_features=4,
)
SPEC = EnvironmentSpec(
    environment="test/Look-v0",
    observation=(
        ArraySpec(name="state", dtype=np.dtype(np.float32), shape=(3,)),
        ArraySpec(name="wrist", dtype=np.dtype(np.uint8), shape=(48, 48, 3)),
    ),
    action=ArraySpec(name="action", dtype=np.dtype(np.float32), shape=(3,)),
)


def draw(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def test_log_probability_is_that_of_a_squashed_gaussian():
    mean, log_std = draw(5, 2), draw(5, 2, seed=1) / 4
    actions = torch.tanh(draw(5, 2, seed=2))
    u, sigma = np.arctanh(actions.numpy().astype(np.float64)), np.exp(log_std.numpy())
    density = np.exp(-0.5 * ((u - mean.numpy()) / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
    expected = np.log(density / (1 - np.tanh(u) ** 2)).sum(-1)
    np.testing.assert_allclose(squashed_log_probability(mean, log_std, actions), expected, rtol=1e-4)


def test_log_probability_agrees_with_the_one_of_a_sample():
    mean, log_std, noise = draw(64, 3), draw(64, 3, seed=1) / 4, draw(64, 3, seed=2)
    actions, expected = squashed_sample(mean, log_std, noise)
    near = actions.abs().amax(-1) < 0.99
    np.testing.assert_allclose(squashed_log_probability(mean, log_std, actions)[near], expected[near], rtol=1e-2)


@pytest.mark.trap
def test_full_speed_has_a_finite_loss_whose_best_mean_is_the_bound():
    mean = torch.full((1, 2), 3.0, requires_grad=True)
    loss = cloning_loss(mean, torch.zeros(1, 2), torch.tensor([[1.0, -1.0]]), largest_action=0.99, smallest_std=0.1)
    loss.backward()
    u = math.atanh(0.99)
    expected = sum(0.5 * (sign * u - 3) ** 2 + 0.5 * math.log(2 * math.pi) + math.log(1 - 0.99**2) for sign in (1, -1))
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert mean.grad is not None
    np.testing.assert_allclose(mean.grad, [[3 - u, 3 + u]], rtol=1e-5)


def test_a_component_that_never_varies_cannot_raise_the_likelihood_without_end():
    actions, mean = torch.zeros(4, 1), torch.zeros(4, 1)
    bounds = {"largest_action": 0.99, "smallest_std": 0.1}
    narrow = [cloning_loss(mean, torch.full((4, 1), math.log(std)), actions, **bounds) for std in (0.1, 1e-3, 1e-5)]
    assert narrow[0] == narrow[1] == narrow[2]


def test_grippers_are_cloned_as_a_classification():
    scores, choices = draw(6, 3), torch.tensor([0, 1, 2, 2, 1, 0])
    probabilities = np.exp(scores.numpy()) / np.exp(scores.numpy()).sum(-1, keepdims=True)
    expected = -np.log(probabilities[np.arange(6), choices.numpy()]).mean()
    assert grasp_cloning_loss(scores, choices).item() == pytest.approx(expected, rel=1e-5)


def preprocessor(count=12, *, agent, seed=0):
    rng = np.random.default_rng(seed)
    images = torch.from_numpy(rng.integers(0, 256, (count, 48, 48, 3), np.uint8))
    assert agent.preprocessor is not None
    return draw(count, 3, seed=seed), agent.preprocessor({"wrist": images})


@pytest.mark.parametrize("grippers", [0, 1])
def test_camera_heads_receive_gradients_when_a_policy_is_cloned(grippers):
    """In soft actor-critic the policy's loss stops before the cameras; here nothing else would train them."""
    agent = BcAgent(SPEC, replace(NETWORKS, grippers=grippers), BcConfig(), vision=VISION)
    before = agent.policy_state()
    actions = torch.tanh(draw(12, 3, seed=3))
    for _ in range(2):
        agent.update(preprocessor(agent=agent), actions)
    after = agent.policy_state()
    still = [name for name in before if torch.equal(before[name], after[name])]
    assert not still
    assert any(name.startswith("perception.images.") for name in after)
    assert not any("backbone" in name for name in after)


def test_a_backbone_that_is_trained_learns_too():
    encoder = replace(VISION.encoder, backbone=BackboneConfig(name="small", frozen=False))
    agent = BcAgent(SPEC, NETWORKS, BcConfig(), vision=replace(VISION, encoder=encoder))
    before = agent.policy_state()
    agent.update(preprocessor(agent=agent), torch.tanh(draw(12, 3)))
    after = agent.policy_state()
    backbone = [name for name in after if "backbone" in name]
    assert backbone
    assert all((after[name] != before[name]).any() for name in backbone)


def test_an_actor_runs_what_was_cloned():
    spec = replace(SPEC, observation=SPEC.observation[:1])
    config = replace(NETWORKS, grippers=1)
    agent, policy = BcAgent(spec, config, BcConfig(), vision=None), NumpyPolicy(spec, 1)
    policy.load(agent.policy_state())
    assert policy.act({"state": np.zeros(3)}, np.random.default_rng(0), deterministic=True).shape == (3,)
    seeing = VisionPolicy(SPEC, VISION, NETWORKS.hidden_sizes)
    seeing.load(BcAgent(SPEC, NETWORKS, BcConfig(), vision=VISION).policy_state())


def test_judging_changes_nothing_and_measures_the_mode():
    agent = BcAgent(SPEC, NETWORKS, BcConfig(), vision=VISION)
    before, seen = agent.policy_state(), preprocessor(agent=agent)
    policy = VisionPolicy(SPEC, VISION, NETWORKS.hidden_sizes)
    policy.load(before)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (12, 48, 48, 3), np.uint8)
    modes = [
        policy.act({"state": state, "wrist": image}, rng, deterministic=True)
        for state, image in zip(seen[0].numpy(), images, strict=True)
    ]
    _, error = agent.judge(seen, torch.zeros(12, 3))
    assert error == pytest.approx(np.abs(modes).mean(), rel=0.02)
    assert all(torch.equal(before[name], value) for name, value in agent.policy_state().items())


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"largest_action": 1.0}, r"largest_action is 1.0; it must be in \(0, 1\)"),
        ({"validation_share": 1.0}, "validation_share is 1.0"),
        ({"steps": 0}, "steps is 0; it must be at least 1"),
    ],
)
def test_settings_out_of_range_are_named(setting, sentence):
    with pytest.raises(ValueError, match=sentence):
        BcConfig(**setting)
