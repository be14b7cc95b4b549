"""The agent with its data, from images: kept feature maps, restarts, published types."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from serl_rl.algorithms.sac.config import SacConfig
from serl_rl.artifacts import checkpoint as checkpoints
from serl_rl.config.presets import preset
from serl_rl.config.train import LearnerConfig, TrainConfig
from serl_rl.learner.trainer import Trainer
from serl_rl.models.vision.config import FeatureCacheConfig, VisionConfig
from serl_rl.models.vision.encoder_config import BackboneConfig, EncoderConfig, HeadConfig
from serl_rl.protocol.policy_arrays import split_policy
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.rows import RowBatch, RowKind

SPEC = EnvironmentSpec(
    environment="test/Look-v0",
    observation=(
        ArraySpec(name="state", dtype=np.dtype(np.float32), shape=(3,)),
        ArraySpec(name="wrist", dtype=np.dtype(np.uint8), shape=(48, 48, 3)),
    ),
    action=ArraySpec(name="action", dtype=np.dtype(np.float32), shape=(2,)),
)
CONFIG = TrainConfig(
    sac=SacConfig(hidden_sizes=(16, 16), batch_size=8, critic_updates_per_actor_update=2, compile="off"),
    vision=VisionConfig(
        encoder=EncoderConfig(backbone=BackboneConfig(name="small"), head=HeadConfig(embeddings=2, bottleneck=8)),
        cache=FeatureCacheConfig(crops=2),
    ),
    learner=LearnerConfig(device="cpu", threads=1, prefetch="off"),
)


def with_vision(**changes):
    return replace(CONFIG, vision=replace(CONFIG.vision, **changes))


def rows(count):
    kinds = np.full(count, RowKind.STEP, np.uint8)
    kinds[-2:] = RowKind.TRUNCATED, RowKind.FINAL
    rng = np.random.default_rng(0)
    return RowBatch(
        observations={
            "state": rng.normal(size=(count, 3)).astype(np.float32),
            "wrist": rng.integers(0, 256, (count, 48, 48, 3), np.uint8),
        },
        actions=np.zeros((count, 2), np.float32),
        rewards=np.zeros(count, np.float32),
        episode_ids=np.ones(count, np.int64),
        step_indices=np.arange(count, dtype=np.int32),
        row_kinds=kinds,
        interventions=np.zeros(count, np.bool_),
        actor_id="a",
    )


def make_trainer(config=CONFIG, directory=None):
    trainer = Trainer(config, SPEC)
    replay = ReplayBuffer(SPEC, 100, directory, frame_stack=config.vision.frame_stack)
    replay.append(rows(20))
    trainer.set_data(replay, ())
    return trainer, replay


@pytest.mark.trap
@pytest.mark.parametrize(
    "config",
    [
        CONFIG,
        with_vision(frame_stack=2),
        with_vision(cache=FeatureCacheConfig(mode="off")),
        with_vision(encoder=EncoderConfig(backbone=BackboneConfig(name="small", frozen=False))),
    ],
    ids=["kept maps", "stack", "images", "trained backbone"],
)
def test_every_way_of_seeing_updates(config):
    trainer, _ = make_trainer(config)
    trainer.compile()
    assert trainer.update()
    assert trainer.update()
    assert np.isfinite(list(trainer.take_metrics().values())).all()


def test_maps_are_kept_where_there_is_no_gpu_and_lie_beside_the_replay(tmp_path):
    trainer, replay = make_trainer(directory=tmp_path / "replay")
    trainer.update()
    layout = json.loads((tmp_path / "replay" / "features" / "layout.json").read_text())
    assert layout["shapes"] == {"wrist": [2, 2, 256]}
    assert layout["crops"] == 2
    replay.close()


def test_nothing_is_kept_when_switched_off(tmp_path):
    config = with_vision(cache=FeatureCacheConfig(mode="off"))
    _, replay = make_trainer(config, tmp_path / "replay")
    assert not (tmp_path / "replay" / "features").exists()
    replay.close()


def test_restarted_learner_goes_on_as_one_that_never_stopped(tmp_path):
    whole, replay = make_trainer(directory=tmp_path / "replay")
    whole.update()
    tensors, skeleton = checkpoints.flatten(whole.state())
    manifest = {"agent": skeleton, "policy_updates": whole.policy_updates}
    checkpoints.save(checkpoints.Checkpoint(manifest, tensors, {}), tmp_path / "c")
    for _ in range(2):
        whole.update()
    replay.close()
    resumed = Trainer(CONFIG, SPEC)
    resumed.restore(tmp_path / "c", checkpoints.read_manifest(tmp_path / "c"))
    reopened = ReplayBuffer(SPEC, 100, tmp_path / "replay")
    resumed.set_data(reopened, ())
    for _ in range(2):
        resumed.update()
    one, two = whole.state(), resumed.state()
    assert all(torch.equal(one[name], two[name]) for name in one)
    reopened.close()


def test_published_policy_in_bfloat16_has_half_the_bytes():
    wide = Trainer(CONFIG, SPEC)
    half = Trainer(replace(CONFIG, learner=replace(CONFIG.learner, publish_type="bfloat16")), SPEC)
    assert 2 * len(half.policy_bytes()) == len(wide.policy_bytes())
    exact = split_policy(wide.policy_bytes(), wide.policy_layout())
    for name, value in split_policy(half.policy_bytes(), half.policy_layout()).items():
        np.testing.assert_allclose(value, exact[name], rtol=2**-8)
    assert not any("backbone" in entry.name for entry in wide.policy_layout())


def test_two_cameras_with_the_networks_of_serl_are_pushed_in_less_than_11_mb():
    """Per camera 16 x 512 x 8 embeddings, 4096 x 256 + 3 x 256 behind them; then the policy's own layers."""
    cameras = tuple(ArraySpec(name=name, dtype=np.dtype(np.uint8), shape=(128, 128, 3)) for name in ("front", "wrist"))
    spec = replace(SPEC, observation=(SPEC.observation[0], *cameras))
    config = preset("pick-cube-vision-resnet10")
    config = replace(config, learner=replace(config.learner, device="cpu"), sac=replace(config.sac, compile="off"))
    size = len(Trainer(config, spec).policy_bytes())
    heads = 2 * (16 * 512 * 8 + 4096 * 256 + 3 * 256)
    assert 4 * heads < size < 11e6


def test_evaluated_policy_is_saved_as_it_was_published():
    trainer, _ = make_trainer()
    published = trainer.policy_bytes()
    expected = split_policy(published, trainer.policy_layout())
    trainer.update()
    saved = trainer.policy_tensors(published)
    assert all(torch.equal(saved[name], torch.from_numpy(value.copy())) for name, value in expected.items())
    assert any((trainer.policy_tensors(None)[name] != value).any() for name, value in saved.items())
