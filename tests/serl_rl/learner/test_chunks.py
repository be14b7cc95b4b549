"""Chunks of episodes: where they begin, where they end, and their statistics."""

import numpy as np
import pytest
import torch

from serl_client.episodes.files import Episode
from serl_rl.learner.chunks import chunks_of, statistics_of
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec


def build_episode(number, steps):
    """Observation (episode, step), action (episode, -step)."""
    places = np.arange(steps + 1, dtype=np.float32)
    mark = np.full(steps + 1, number, np.float32)
    return Episode(
        observations={"state": np.stack([mark, places], 1)},
        actions=np.stack([mark, -places], 1)[:-1],
        rewards=np.zeros(steps),
        terminated=True,
        truncated=False,
        interventions=np.ones(steps, bool),
        stamps_ns=(np.arange(steps + 1) * 50_000_000),
        success=True,
    )


SPEC = EnvironmentSpec(
    environment="test/Walk-v0",
    observation=(ArraySpec(name="state", dtype=np.dtype(np.float32), shape=(2,)),),
    action=ArraySpec(name="action", dtype=np.dtype(np.float32), shape=(2,)),
)
EPISODES = [build_episode(0, 3), build_episode(1, 7), build_episode(2, 1)]


@pytest.mark.parametrize("size", [1, 4, 10])
def test_a_chunk_is_what_was_done_from_its_step_on(size):
    chunks = chunks_of(EPISODES, size, SPEC, None, crops=0, seed=0, device=torch.device("cpu"))
    batch = chunks.batch(np.arange(len(chunks)))
    assert len(chunks) == 11
    assert batch.actions.shape == (11, size, 2)
    for index, (episode, step) in enumerate(batch.observations.tolist()):
        for place in range(size):
            is_over = step + place >= len(EPISODES[int(episode)])
            assert batch.is_pad[index, place] == is_over
            last = len(EPISODES[int(episode)]) - 1
            assert batch.actions[index, place].tolist() == [episode, -min(step + place, last)]


def test_statistics_are_those_of_all_steps_but_the_last_observations():
    found = statistics_of(EPISODES, SPEC)
    steps = np.concatenate([np.arange(3), np.arange(7), np.arange(1)])
    np.testing.assert_allclose(found.state.mean, [9 / 11, steps.mean()], atol=1e-6)
    np.testing.assert_allclose(found.state.std[1], steps.std(), atol=1e-6)
    np.testing.assert_allclose(found.action.mean[1], -steps.mean(), atol=1e-6)
    assert found.step_s == pytest.approx(0.05)
