"""A policy and the classifiers of its environment run one frozen backbone, once for each image."""

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces

from serl_rl.algorithms.sac.vision_policy import VisionPolicy
from serl_rl.envs.factory import share_maps
from serl_rl.models.vision.backbones.backbone import Backbone
from serl_rl.models.vision.config import VisionConfig
from serl_rl.models.vision.encoder_config import BackboneConfig, EncoderConfig
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec
from serl_rl.rewards.classifier.detector import Detector
from serl_rl.rewards.classifier.network import ClassifierSpec, RewardClassifier
from serl_rl.rewards.classifier.reward import ClassifierReward

SIZE, STEPS = 36, 5
SPEC = EnvironmentSpec(
    environment="test/Noise-v0",
    observation=(ArraySpec(name="front", dtype=np.dtype(np.uint8), shape=(SIZE, SIZE, 3)),),
    action=ArraySpec(name="action", dtype=np.dtype(np.float32), shape=(2,)),
)


class NoiseEnv(gymnasium.Env):
    """Shows other noise at each step."""

    observation_space = spaces.Dict({"front": spaces.Box(0, 255, (SIZE, SIZE, 3), np.uint8)})
    action_space = spaces.Box(-1, 1, (2,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._look(), {}

    def step(self, action):
        return self._look(), 0.0, False, False, {}

    def _look(self):
        return {"front": self.np_random.integers(0, 256, (SIZE, SIZE, 3), np.uint8)}


@pytest.fixture
def count_calls(monkeypatch):
    """Counts how often any backbone is run."""
    calls = []
    forward = Backbone.forward
    monkeypatch.setattr(Backbone, "forward", lambda self, *given: calls.append(1) or forward(self, *given))
    return calls


def make_env(config, wrapper):
    spec = ClassifierSpec(image_sizes={"front": (SIZE, SIZE)})
    detector = Detector(classifier=RewardClassifier(spec, config, torch.Generator().manual_seed(0)).eval(), threshold=1)
    stages = {"success": detector} if wrapper == "one" else {"first": detector, "second": detector}
    return ClassifierReward(NoiseEnv(), stages)


def make_policy(seed=0):
    backbone = BackboneConfig(name="small", seed=seed)
    policy = VisionPolicy(SPEC, VisionConfig(encoder=EncoderConfig(backbone=backbone)), (8,))
    arrays = {name: value.detach().numpy().copy() for name, value in policy._policy.named_parameters()}
    policy.load(arrays)
    return policy


def probabilities(env, policy):
    rng, found = np.random.default_rng(0), []
    observation, _ = env.reset(seed=1)
    for _ in range(STEPS):
        observation, _, _, _, info = env.step(policy.act(observation, rng))
        found.append(next(value for name, value in info.items() if name.endswith("probability")))
    return found


@pytest.mark.parametrize("wrapper", ["one", "stages"])
def test_each_image_goes_through_the_backbone_once(small_config, count_calls, wrapper):
    env, policy = make_env(small_config, wrapper), make_policy()
    alone = probabilities(env, policy)
    assert len(count_calls) == 2 * STEPS
    count_calls.clear()
    env, policy = make_env(small_config, wrapper), make_policy()
    assert share_maps(env, policy)
    together = probabilities(env, policy)
    assert len(count_calls) == STEPS + 1  # The first image and one of each step.
    np.testing.assert_allclose(together, alone, atol=0.02)  # The policy's backbone may be bfloat16.


def test_a_classifier_with_other_weights_keeps_its_own(small_config, count_calls):
    env, policy = make_env(small_config, "one"), make_policy(seed=1)
    assert not share_maps(env, policy)
    probabilities(env, policy)
    assert len(count_calls) == 2 * STEPS


def test_without_eyes_or_classifier_there_is_nothing_to_share(small_config):
    assert not share_maps(make_env(small_config, "one"), object())
    assert not share_maps(NoiseEnv(), make_policy())
