"""A saved policy and the frozen backbone that it was learned with, which is no part of a checkpoint."""

import dataclasses
import json

import numpy as np
import pytest

from serl_api.lifetime.stop_signal import StopSignal
from serl_rl.algorithms.sac.agent import SacAgent
from serl_rl.artifacts import checkpoint as checkpoints
from serl_rl.artifacts.run_directory import RunDirectory, write_json
from serl_rl.config.train import LearnerConfig, SacConfig, TrainConfig
from serl_rl.envs.config import EnvironmentConfig
from serl_rl.errors import CheckpointError
from serl_rl.learner.clone_checkpoint import CloneWriter
from serl_rl.learner.loop import Learner
from serl_rl.models.vision.config import VisionConfig
from serl_rl.models.vision.encoder_config import BackboneConfig, EncoderConfig, HeadConfig
from serl_rl.models.vision.factory import make_backbone
from serl_rl.models.vision.weights.files import save_weights
from serl_rl.policies.saved import load_policy, with_found_weights
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec

SPEC = EnvironmentSpec(
    environment="test/Look-v0",
    observation=(ArraySpec(name="front", dtype=np.dtype(np.uint8), shape=(36, 36, 3)),),
    action=ArraySpec(name="action", dtype=np.dtype(np.float32), shape=(2,)),
)
OTHER = "was learned with the backbone small, .* but here it is small, .*; give the weight file and settings"


def write_weights(path, seed):
    save_weights(make_backbone(BackboneConfig(name="small", seed=seed)), path)


def make_config(weights, *, frozen=True):
    backbone = BackboneConfig(name="small", weights=weights, frozen=frozen)
    encoder = EncoderConfig(backbone=backbone, head=HeadConfig(embeddings=2, bottleneck=8))
    return TrainConfig(
        environment=EnvironmentConfig(id="test/Look-v0"),
        sac=SacConfig(hidden_sizes=(8,), compile="off", batch_size=2, critic_updates_per_actor_update=1),
        vision=VisionConfig(encoder=encoder),
        learner=LearnerConfig(device="cpu", threads=1),
    )


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "backbone.safetensors"
    write_weights(path, 1)
    return path


def save(path, config):
    agent = SacAgent(SPEC, config.sac, vision=config.vision)
    CloneWriter(path, config, SPEC, {}).save(agent.policy_state(), 1)
    return path


def test_a_checkpoint_that_names_no_files_and_has_no_policy_is_one_sentence(weights, tmp_path):
    saved = save(tmp_path / "saved", make_config(weights))
    (saved / checkpoints.POLICY).unlink()
    manifest = json.loads((saved / checkpoints.MANIFEST).read_text())
    write_json(saved / checkpoints.MANIFEST, manifest | {"files": {}})
    with pytest.raises(CheckpointError, match=r"does not fit this program: .*policy\.safetensors"):
        load_policy(saved)


def test_a_policy_is_loaded_with_the_backbone_that_it_was_learned_with(weights, tmp_path):
    policy, _, _ = load_policy(save(tmp_path / "saved", make_config(weights)))
    image = np.random.default_rng(0).integers(0, 256, (36, 36, 3), np.uint8)
    assert policy.act({"front": image}, np.random.default_rng(0), deterministic=True).shape == (2,)


def test_a_weight_file_that_was_exchanged_is_refused(weights, tmp_path):
    path = save(tmp_path / "saved", make_config(weights))
    write_weights(weights, 2)
    with pytest.raises(CheckpointError, match=OTHER):
        load_policy(path)


def test_a_backbone_that_was_trained_is_in_the_checkpoint_whatever_it_began_with(weights, tmp_path):
    path = save(tmp_path / "saved", make_config(weights, frozen=False))
    write_weights(weights, 2)
    load_policy(path)


@pytest.mark.parametrize("goes_on", ["resume", "initial policy"])
@pytest.mark.parametrize("change", ["another file", "random weights"])
def test_a_learner_does_not_go_on_with_another_backbone(weights, tmp_path, goes_on, change):
    config, directory = make_config(weights), RunDirectory(tmp_path / "run")
    resumes = goes_on == "resume"
    saved = save(directory.checkpoints / "0000000001" if resumes else tmp_path / "cloned", config)
    if resumes:
        write_json(directory.run, {"run_id": "a"})
    if change == "another file":
        write_weights(weights, 2)
    else:
        vision = dataclasses.replace(config.vision, encoder=make_config(None).vision.encoder)
        config = dataclasses.replace(config, vision=vision)
    learner = Learner(
        config,
        directory,
        demonstrations=(),
        resume=resumes,
        package_version="1",
        stop=StopSignal(),
        on_metrics=lambda row, phase: None,
        initial_policy=None if resumes else saved,
    )
    learner.offer_spec(SPEC)
    with pytest.raises(CheckpointError, match=OTHER):
        learner.run()


@pytest.mark.parametrize("folder", [".", "checkpoint"])
def test_a_run_that_was_moved_finds_its_weights(tmp_path, folder):
    checkpoint = tmp_path / "run" / "checkpoint"
    checkpoint.mkdir(parents=True)
    encoder = EncoderConfig(backbone=BackboneConfig(weights=tmp_path / "gone" / "encoder.safetensors"))
    config = TrainConfig(vision=VisionConfig(encoder=encoder))
    assert with_found_weights(config, checkpoint) == config
    there = tmp_path / "run" / folder / "encoder.safetensors"
    there.write_bytes(b"weights")
    assert with_found_weights(config, checkpoint).vision.encoder.backbone.weights.samefile(there)
