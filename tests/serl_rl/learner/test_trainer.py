"""The agent with its data, on the point mass."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from serl_rl.config.presets import preset
from serl_rl.envs.factory import make_environment, spec_of
from serl_rl.errors import DivergedError
from serl_rl.learner.trainer import Trainer
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.rows import RowBatch, RowKind

CONFIG = preset("debug")


def rows(spec, count):
    kinds = np.full(count, RowKind.STEP, np.uint8)
    kinds[-2:] = RowKind.TRUNCATED, RowKind.FINAL
    return RowBatch(
        observations={a.name: np.zeros((count, *a.shape), a.dtype) for a in spec.observation},
        actions=np.zeros((count, *spec.action.shape), np.float32),
        rewards=np.zeros(count, np.float32),
        episode_ids=np.ones(count, np.int64),
        step_indices=np.arange(count, dtype=np.int32),
        row_kinds=kinds,
        interventions=np.zeros(count, np.bool_),
        actor_id="a",
    )


@pytest.fixture(params=["off", "on"])
def trainer(request):
    env = make_environment(CONFIG.environment)
    spec = spec_of(env, CONFIG.environment)
    made = Trainer(replace(CONFIG, learner=replace(CONFIG.learner, prefetch=request.param)), spec)
    replay = ReplayBuffer(spec, 100)
    made.set_data(replay, ())
    yield made, replay, spec
    made.close()


def test_nothing_is_learned_before_the_first_transition(trainer):
    made, _, _ = trainer
    assert not made.update()
    assert made.critic_updates == 0


def test_batches_come_with_and_without_a_thread_that_samples_ahead(trainer):
    made, replay, spec = trainer
    replay.append(rows(spec, 10))
    assert made.update()
    assert made.update()
    assert made.critic_updates == 2 * CONFIG.sac.critic_updates_per_actor_update
    assert np.isfinite(list(made.take_metrics().values())).all()


def learning(trainer):
    made, replay, spec = trainer
    replay.append(rows(spec, 10))
    made.update()
    made.require_finite()
    return made


def test_a_loss_that_is_no_number_ends_training_by_its_name(trainer):
    made = learning(trainer)
    made._latest = {**made._latest, "critic_loss": torch.tensor(float("nan"))}
    with pytest.raises(DivergedError, match="critic_loss is nan after 2 steps; lower the learning rate"):
        made.require_finite()


def test_a_policy_of_no_numbers_is_not_published(trainer):
    made = learning(trainer)
    name, array = next(iter(made._agent.policy_arrays().items()))
    array.detach().flatten()[0] = float("inf")
    with pytest.raises(DivergedError, match=f"the policy's {name} is nan"):
        made.require_finite()
