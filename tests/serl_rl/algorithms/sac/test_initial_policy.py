"""An agent that begins with a cloned policy."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from serl_rl.algorithms.bc import BcAgent
from serl_rl.algorithms.bc_config import BcConfig
from serl_rl.algorithms.sac.agent import SacAgent, SacConfig
from serl_rl.models.vision.config import VisionConfig
from serl_rl.models.vision.encoder_config import BackboneConfig, EncoderConfig, HeadConfig
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec

CONFIG = SacConfig(hidden_sizes=(16, 16), batch_size=4, compile="off")
VISION = VisionConfig(
    encoder=EncoderConfig(backbone=BackboneConfig(name="small"), head=HeadConfig(embeddings=2, bottleneck=8))
)
STATE = EnvironmentSpec(
    environment="test/Reach-v0",
    observation=(ArraySpec(name="state", dtype=np.dtype(np.float32), shape=(3,)),),
    action=ArraySpec(name="action", dtype=np.dtype(np.float32), shape=(3,)),
)
PIXELS = replace(
    STATE, observation=(*STATE.observation, ArraySpec(name="wrist", dtype=np.dtype(np.uint8), shape=(48, 48, 3)))
)


@pytest.mark.parametrize("grippers", [0, 1])
@pytest.mark.parametrize("spec", [STATE, PIXELS], ids=["state", "pixels"])
def test_agent_begins_with_a_cloned_policy(spec, grippers):
    config, vision = replace(CONFIG, grippers=grippers), VISION if spec is PIXELS else None
    clone = BcAgent(spec, config, BcConfig(), vision=vision, seed=1).policy_state()
    agent = SacAgent(spec, config, vision=vision, seed=0)
    fresh = agent.policy_state()
    agent.start_from(clone)
    for name, value in agent.policy_state().items():
        # Scores of a cloned gripper are no values.
        assert torch.equal(value, (fresh if name.startswith("grasp.") else clone)[name]), name


def test_critics_and_their_target_perceive_as_the_cloned_policy_does():
    agent = SacAgent(PIXELS, CONFIG, vision=VISION, seed=0)
    clone = BcAgent(PIXELS, CONFIG, BcConfig(), vision=VISION, seed=1).policy_state()
    agent.start_from(clone)
    for network in (agent.networks.critic, agent.networks.target_critic):
        seen = {name: value for name, value in network.named_parameters() if name.startswith("perception.")}
        assert seen
        assert all(torch.equal(value, clone[name]) for name, value in seen.items())


def test_policy_of_another_size_is_refused_whole():
    agent = SacAgent(STATE, CONFIG, seed=0)
    before = agent.policy_state()
    other = BcAgent(STATE, replace(CONFIG, hidden_sizes=(8, 8)), BcConfig(), vision=None).policy_state()
    with pytest.raises(ValueError, match="has shape"):
        agent.start_from(other)
    assert all(torch.equal(before[name], value) for name, value in agent.policy_state().items())
