"""A policy of chunks as an actor and an evaluation run it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from serl_api.settings import to_dataclass
from serl_rl.algorithms.act.agent import ActAgent
from serl_rl.algorithms.act.algorithm import ACT
from serl_rl.algorithms.act.config import ActConfig, ActTrainingConfig, ExecutionConfig
from serl_rl.algorithms.act.normalization import ChunkStatistics
from serl_rl.algorithms.algorithm import PolicyError, load_algorithm
from serl_rl.config.train import TrainConfig, from_dict, to_dict
from serl_rl.datasets.normalization import Statistics
from serl_rl.errors import UsageError
from serl_rl.models.vision.config import VisionConfig
from serl_rl.models.vision.encoder_config import BackboneConfig, EncoderConfig
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec

TINY = ActConfig(chunk_size=6, hidden_size=16, feedforward_size=16, heads=2, encoder_layers=1, latent_encoder_layers=1)
ROWS = np.array([[-1.0], [1.0]])  # Mean 0 and deviation 1.
STATISTICS = ChunkStatistics(
    state=Statistics.of([np.array([1.0, 2.0, 3.0]) * (1.0 + ROWS)], "the state"),
    action=Statistics.of([np.array([0.1, -0.1]) + np.array([0.3, 0.4]) * ROWS], "the action"),
    step_s=0.05,
)
IMAGE = ArraySpec(name="wrist", dtype=np.dtype(np.uint8), shape=(48, 48, 3))


def make_agent(spec, config=TINY, vision=None):
    return ActAgent(spec, config, ActTrainingConfig(), vision=vision, statistics=STATISTICS, seed=1)


def loaded(spec, config=TINY, vision=None):
    policy = ACT.make_policy(spec, config, vision=vision)
    policy.load(make_agent(spec, config, vision).policy_state())
    return policy


def look(step=0):
    return {"state": np.array([0.1 * step, 1.0, 2.0], np.float32)}


def act(policy, count, first=0):
    rng = np.random.default_rng(0)
    return np.array([policy.act(look(step), rng, deterministic=True) for step in range(first, first + count)])


def test_it_is_what_the_agent_has_learned(spec):
    agent, policy = make_agent(spec), loaded(spec)
    state = torch.from_numpy(look()["state"])[None]
    normalization = agent._model.normalization
    with torch.no_grad():
        made = normalization.denormalized(agent._model.network(normalization.state(state)).actions)[0]
    assert made.shape == (6, 2)
    np.testing.assert_allclose(policy.predict(look()), made.clamp(-1, 1), atol=1e-6)


@pytest.mark.parametrize("mode", ["open-loop", "ensemble", "real-time"])
def test_each_way_begins_alike_and_repeats_itself(spec, mode):
    execution = ExecutionConfig(mode=mode, committed_steps=2)
    policy = loaded(spec, replace(TINY, execution=execution))
    policy.begin_episode()
    first = act(policy, 15)
    policy.begin_episode()
    np.testing.assert_array_equal(act(policy, 15), first)
    np.testing.assert_allclose(first[0], policy.predict(look())[0], atol=1e-6)
    assert first.dtype == np.float32
    assert np.abs(first).max() <= 1


def test_new_arrays_take_effect_at_once(spec):
    policy = loaded(spec)
    before = act(policy, 1)[0]
    arrays = make_agent(spec).policy_state()
    arrays["normalization.action_mean"] += 0.5
    policy.load(arrays)
    np.testing.assert_allclose(act(policy, 1)[0], before + 0.5, atol=1e-6)


def test_before_the_first_arrays_it_wanders(spec):
    policy = ACT.make_policy(spec, TINY, vision=None)
    policy.begin_episode()
    assert act(policy, 3).std() > 0


def test_arrays_of_another_robot_are_refused(spec, make_spec):
    other = make_agent(make_spec(action_size=3)).policy_state()
    with pytest.raises(PolicyError, match=r"array '.*' has shape .*3.* but the settings need .*2"):
        ACT.make_policy(spec, TINY, vision=None).load(other)


def test_another_observation_is_refused(spec):
    policy, rng = loaded(spec), np.random.default_rng(0)
    with pytest.raises(PolicyError, match=r"reads 'state' of shape \(3,\), but here it has shape \(4,\); run it in"):
        policy.act({"state": np.zeros(4, np.float32)}, rng)
    with pytest.raises(PolicyError, match="but here it is not there"):
        policy.act({"other": np.zeros(3, np.float32)}, rng)


@pytest.mark.parametrize("frozen", [True, False])
def test_it_sees(spec, frozen):
    seeing = EnvironmentSpec(environment="test/Look-v0", observation=(*spec.observation, IMAGE), action=spec.action)
    vision = VisionConfig(encoder=EncoderConfig(backbone=BackboneConfig(name="small", frozen=frozen)))
    policy, rng = loaded(seeing, vision=vision), np.random.default_rng(0)
    dark, noise = np.zeros((48, 48, 3), np.uint8), rng.integers(0, 256, (48, 48, 3), np.uint8)
    one, two = (policy.predict(look() | {"wrist": image}) for image in (dark, noise))
    assert not np.allclose(one, two)


def test_it_is_a_plug_in_whose_settings_survive_a_file():
    config = TrainConfig(algorithm="act", algorithm_config=replace(TINY, execution=ExecutionConfig(mode="ensemble")))
    assert load_algorithm("act") is ACT
    assert from_dict(to_dict(config)) == config
    assert to_dataclass(ActConfig, {"execution": {"mode": "ensemble"}}).execution.mode == "ensemble"
    with pytest.raises(UsageError, match="train it by `serl-train act"):
        ACT.batch_shape(TINY)
