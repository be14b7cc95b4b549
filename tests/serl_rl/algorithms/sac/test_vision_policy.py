"""The policy of an agent that sees, as an actor runs it, against the agent's own networks."""

import dataclasses

import numpy as np
import pytest
import torch

from serl_rl.algorithms.algorithm import PolicyError
from serl_rl.algorithms.sac.agent import SacAgent, SacConfig
from serl_rl.algorithms.sac.numpy_policy import NumpyPolicy
from serl_rl.algorithms.sac.vision_policy import VisionPolicy
from serl_rl.config.train import TrainConfig
from serl_rl.models.vision.config import VisionConfig
from serl_rl.models.vision.encoder_config import BackboneConfig, EncoderConfig, HeadConfig
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec
from tests.support.rounding import kernel_bound

SPEC = EnvironmentSpec(
    environment="test/Look-v0",
    observation=(
        ArraySpec(name="state", dtype=np.dtype(np.float32), shape=(3,)),
        ArraySpec(name="wrist", dtype=np.dtype(np.uint8), shape=(48, 48, 3)),
    ),
    action=ArraySpec(name="action", dtype=np.dtype(np.float32), shape=(2,)),
)
SAC = SacConfig(hidden_sizes=(16, 16), compile="off", precision="float32")


def make_vision(*, frozen=True, frame_stack=1):
    head = HeadConfig(embeddings=2, bottleneck=8)
    encoder = EncoderConfig(backbone=BackboneConfig(name="small", frozen=frozen), head=head)
    return VisionConfig(encoder=encoder, proprioception_features=4, frame_stack=frame_stack)


def make_observation(seed=0):
    rng = np.random.default_rng(seed)
    wrist = rng.integers(0, 256, (48, 48, 3), np.uint8)
    wrist.flags.writeable = False  # As a camera's frame is.
    return {"state": rng.normal(size=3).astype(np.float32), "wrist": wrist}


def make_pair(**changes):
    vision = make_vision(**changes)
    agent = SacAgent(SPEC, SAC, vision=vision, seed=3)
    policy = VisionPolicy(SPEC, vision, SAC.hidden_sizes)
    policy.load(agent.policy_state())
    return agent, policy


def expected_mode(agent, observation, frames=None):
    images = torch.from_numpy(np.stack(frames or [observation["wrist"]]))[None]
    cameras = agent.preprocessor({"wrist": images if frames else images[:, 0]})
    preprocessor = torch.from_numpy(observation["state"])[None], cameras
    return torch.tanh(agent.networks.policy(preprocessor)[0]).detach().numpy()[0]


def assert_acts(found, agent, *seen):
    def expected():
        return expected_mode(agent, *seen)

    np.testing.assert_allclose(found, expected(), rtol=0, atol=kernel_bound(expected))


@pytest.mark.trap
@pytest.mark.parametrize("frozen", [True, False])
def test_deterministic_action_is_that_of_the_agent(frozen):
    agent, policy = make_pair(frozen=frozen)
    observation = make_observation()
    found = policy.act(observation, np.random.default_rng(0), deterministic=True)
    assert_acts(found, agent, observation)
    assert found.dtype == np.float32


def test_images_are_not_cropped_at_random_when_acting():
    _, policy = make_pair()
    rng = np.random.default_rng(0)
    actions = [policy.act(make_observation(), rng, deterministic=True) for _ in range(5)]
    assert all((action == actions[0]).all() for action in actions)


def test_sample_scatters_with_the_policy_s_deviation():
    agent, policy = make_pair()
    rng, observation = np.random.default_rng(0), make_observation()
    raw = np.arctanh(np.stack([policy.act(observation, rng) for _ in range(400)]))
    preprocessor = (
        torch.from_numpy(observation["state"])[None],
        agent.preprocessor({"wrist": torch.from_numpy(observation["wrist"].copy())[None]}),
    )
    mean, log_std = agent.networks.policy(preprocessor)
    np.testing.assert_allclose(raw.mean(0), mean.detach().numpy()[0], atol=0.25)
    np.testing.assert_allclose(raw.std(0), log_std.exp().detach().numpy()[0], rtol=0.15)


def test_stack_of_frames_begins_anew_with_each_episode():
    agent, policy = make_pair(frame_stack=3)
    rng = np.random.default_rng(0)
    one, two = make_observation(1), make_observation(2)
    for _ in range(2):
        policy.begin_episode()
        first = policy.act(one, rng, deterministic=True)
        second = policy.act(two, rng, deterministic=True)
        assert_acts(first, agent, one, [one["wrist"]] * 3)
        assert_acts(second, agent, two, [one["wrist"]] * 2 + [two["wrist"]])


def test_actions_before_the_first_policy_are_uniform():
    policy, rng = VisionPolicy(SPEC, make_vision(), SAC.hidden_sizes), np.random.default_rng(0)
    actions = np.stack([policy.act(make_observation(), rng) for _ in range(1000)])
    assert not policy.is_loaded
    np.testing.assert_allclose(actions.std(0), 1 / np.sqrt(3), rtol=0.08)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("policy.mean.bias"), "'policy.mean.bias' is missing"),
        (lambda state: state.update(extra=torch.zeros(1)), "'extra' is unknown"),
        (lambda state: state.update({"policy.mean.bias": torch.zeros(3)}), r"has shape \(3,\)"),
        (lambda state: state["policy.mean.bias"].fill_(np.nan), "NaN or infinite"),
    ],
)
def test_unfit_policy_is_refused_and_the_old_one_stays(change, message):
    agent, policy = make_pair()
    before = policy.act(make_observation(), np.random.default_rng(0))
    state = agent.policy_state()
    change(state)
    with pytest.raises(PolicyError, match=message):
        policy.load(state)
    np.testing.assert_array_equal(policy.act(make_observation(), np.random.default_rng(0)), before)


def test_policy_fits_the_observation():
    config = TrainConfig(sac=SAC, vision=make_vision())
    assert isinstance(config.make_policy(SPEC), VisionPolicy)
    flat = dataclasses.replace(SPEC, observation=SPEC.observation[:1])
    assert isinstance(config.make_policy(flat), NumpyPolicy)
