"""Moments, saved agents and pixels for tests of looking."""

import dataclasses

import numpy as np
import pytest

from serl_rl.algorithms.algorithm import ActionValues
from serl_rl.algorithms.sac.agent import SacAgent, SacConfig
from serl_rl.artifacts import checkpoint as checkpoints
from serl_rl.config import train as configuration
from serl_rl.config.train import TrainConfig
from serl_rl.envs.config import EnvironmentConfig
from serl_rl.envs.factory import make_environment, spec_of
from serl_rl.models.vision.config import VisionConfig
from serl_rl.models.vision.encoder_config import BackboneConfig, EncoderConfig, HeadConfig
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec
from serl_rl.visualization.labels import Labels
from serl_rl.visualization.step_record import StepRecord

CAMERAS = ("front", "wrist")


def build_record(step=0, *, episode=1, last=False, success=True, intervention=False, **changes):
    rng = np.random.default_rng(step)
    given = {
        "episode": episode,
        "step": step,
        "time_s": step / 10,
        "cameras": {name: rng.integers(0, 256, (32, 32, 3), np.uint8) for name in CAMERAS},
        "tcp_pose": np.array([0.4, 0.01 * step, 0.2, 1.0, 0.0, 0.0, 0.0]),
        "gripper_width": 0.04,
        "objects": {"cube": np.array([0.5, 0.0, 0.02])},
        "probabilities": {"success": 0.1 + 0.2 * step},
        "reward": float(last and success),
        "total_reward": float(last and success),
    }
    if last:
        given |= {"success": success, "is_terminated": success}
    else:
        given |= {"action": np.array([0.5, -0.5, 0.1, 1.0], np.float32), "is_intervention": intervention}
        given["values"] = ActionValues(arm=np.array([0.2, 0.4]) + 0.1 * step)
    return StepRecord(**(given | changes))


def build_episode(count=4, *, success=True, **changes):
    records = [build_record(step, **changes) for step in range(count)]
    return [*records, build_record(count, last=True, success=success, **changes)]


@pytest.fixture(scope="session")
def make_record():
    return build_record


@pytest.fixture(scope="session")
def make_episode():
    return build_episode


@pytest.fixture
def labels():
    return Labels(action=("x", "y", "z", "gripper"), cameras=CAMERAS, thresholds={"success": 0.6})


LOOK = EnvironmentSpec(
    environment="test/Look-v0",
    observation=(
        ArraySpec(name="state", dtype=np.dtype(np.float32), shape=(3,)),
        ArraySpec(name="wrist", dtype=np.dtype(np.uint8), shape=(48, 48, 3)),
    ),
    action=ArraySpec(name="action", dtype=np.dtype(np.float32), shape=(4,)),
)
SAC = SacConfig(hidden_sizes=(16, 16), critic_count=3, compile="off", precision="float32")


def build_config(**sac):
    head = HeadConfig(embeddings=2, bottleneck=8)
    encoder = EncoderConfig(backbone=BackboneConfig(name="small"), head=head)
    binary = {"gripper_action": "binary"} if sac.get("grippers") else {}
    return TrainConfig(
        environment=EnvironmentConfig(id="serl/PointMass-v0", **binary),
        sac=dataclasses.replace(SAC, **sac),
        vision=VisionConfig(encoder=encoder, proprioception_features=4),
    )


def save_agent(path, config, spec, seed=0):
    """Writes a checkpoint as the learner does, with a fresh agent."""
    sees = any(not array.is_vector for array in spec.observation)
    agent = SacAgent(spec, config.sac, vision=config.vision if sees else None, seed=seed)
    from google.protobuf import json_format

    tensors, skeleton = checkpoints.flatten(agent.state_dict())
    manifest = {
        "config": configuration.to_dict(config),
        "spec": json_format.MessageToDict(spec.to_proto(), preserving_proto_field_name=True),
        "agent": skeleton,
        "policy_version": 7,
        "env_steps": 11,
    }
    checkpoints.save(checkpoints.Checkpoint(manifest, tensors, agent.policy_state()), path)
    return agent


@pytest.fixture(scope="session")
def make_config():
    return build_config


@pytest.fixture(scope="session")
def save():
    return save_agent


@pytest.fixture(scope="session")
def look_spec():
    return LOOK


@pytest.fixture
def run(tmp_path):
    """Folder of a run whose policy pushes the point somewhere."""
    config = build_config()
    env = make_environment(config.environment)
    save_agent(tmp_path / "run" / "checkpoint", config, spec_of(env, config.environment))
    env.close()
    return tmp_path / "run"
