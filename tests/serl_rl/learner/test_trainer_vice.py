"""The learner with a learned reward, on the point mass: goals, rewards, restarts, what settings it refuses."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from serl_rl.config.presets import preset, preset_names
from serl_rl.config.train import TrainConfig
from serl_rl.demonstrations.scripted import record
from serl_rl.envs.config import EnvironmentConfig
from serl_rl.envs.factory import make_environment, spec_of
from serl_rl.errors import CheckpointError, UsageError
from serl_rl.learner.trainer import Trainer
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.rows import RowBatch, RowKind

CONFIG = preset("debug-vice")


@pytest.fixture(scope="module")
def spec():
    return spec_of(make_environment(CONFIG.environment), CONFIG.environment)


@pytest.fixture(scope="module")
def demonstrations(tmp_path_factory):
    path = tmp_path_factory.mktemp("vice") / "d.episodes"
    record(make_environment(CONFIG.environment), CONFIG, path)
    return (path,)


def rows(count=40, reward=0.0):
    kinds = np.full(count, RowKind.STEP, np.uint8)
    kinds[-2:] = RowKind.TRUNCATED, RowKind.FINAL
    return RowBatch(
        observations={"state": np.random.default_rng(0).uniform(0.5, 1, (count, 2)).astype(np.float32)},
        actions=np.zeros((count, 2), np.float32),
        rewards=np.full(count, reward, np.float32),
        episode_ids=np.ones(count, np.int64),
        step_indices=np.arange(count, dtype=np.int32),
        row_kinds=kinds,
        interventions=np.zeros(count, np.bool_),
        actor_id="a",
    )


def make_trainer(spec, demonstrations, *, reward=0.0, config=CONFIG):
    trainer, replay = Trainer(config, spec), ReplayBuffer(spec, 100)
    replay.append(rows(reward=reward))
    trainer.set_data(replay, demonstrations)
    return trainer


def test_updates_learn_the_reward_and_tell_of_it(spec, demonstrations):
    trainer = make_trainer(spec, demonstrations)
    trainer.compile()
    for _ in range(3):
        assert trainer.update()
    figures = trainer.take_metrics()
    assert {"vice_loss", "vice_reward", "critic_loss"} <= set(figures)
    assert np.isfinite(list(figures.values())).all()


def test_rewards_of_the_replay_do_not_matter(spec, demonstrations):
    states = []
    for reward in (0.0, 1000.0):
        trainer = make_trainer(spec, demonstrations, reward=reward)
        for _ in range(3):
            trainer.update()
        states.append(trainer.state())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_restarted_learner_goes_on_with_its_classifier(spec, demonstrations, tmp_path):
    from serl_rl.artifacts import checkpoint as checkpoints

    whole = make_trainer(spec, demonstrations)
    whole.update()
    tensors, skeleton = checkpoints.flatten(whole.state())
    manifest = {"agent": skeleton, "policy_updates": whole.policy_updates}
    checkpoints.save(checkpoints.Checkpoint(manifest, tensors, {}), tmp_path / "c")
    resumed = make_trainer(spec, demonstrations)
    resumed.restore(tmp_path / "c", checkpoints.read_manifest(tmp_path / "c"))
    for _ in range(2):
        whole.update()
        resumed.update()
    one, other = whole.state(), resumed.state()
    assert any(name.startswith("vice.") for name in one)
    assert all(torch.equal(one[name], other[name]) for name in one)
    without = make_trainer(spec, demonstrations, config=preset("debug"))
    with pytest.raises(CheckpointError, match=r"array 'vice\.\S+' is unknown"):
        without.restore(tmp_path / "c", checkpoints.read_manifest(tmp_path / "c"))


def test_goals_are_asked_for(spec):
    with pytest.raises(UsageError, match="vice needs goals"):
        make_trainer(spec, ())


@pytest.mark.parametrize("name", [name for name in preset_names() if "vice" in name])
def test_presets_with_a_learned_reward_end_no_episode(name):
    config = preset(name)
    assert config.vice.enabled
    assert config.environment.reward == "dense"
    assert config.demonstration_count


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"environment": EnvironmentConfig(reward="sparse")},
            r"environment\.reward is sparse; it must be none or dense",
        ),
        ({"sac": replace(CONFIG.sac, return_range=(0.0, 1.0))}, r"return_range is \(0.0, 1.0\); .* hold 0 to 10"),
        ({"vice": replace(CONFIG.vice, reward="log-odds")}, r"return_range is .*; it must be None with these rewards"),
    ],
)
def test_settings_that_do_not_go_with_a_learned_reward_are_named(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        replace(CONFIG, **changes)
    assert not TrainConfig().vice.enabled
