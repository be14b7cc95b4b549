import dataclasses

import numpy as np
import pytest
import torch

from serl_rl.replay.batch_sampler import BatchSampler
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.errors import EmptyReplayError
from serl_rl.replay.prefetch import Prefetcher


@pytest.fixture
def online(spec, make_episode):
    buffer = ReplayBuffer(spec, 100)
    buffer.append(make_episode(50, mark=1))
    return buffer


@pytest.fixture
def demonstrations(spec, make_episode):
    buffer = ReplayBuffer(spec, 100)
    buffer.append(make_episode(5, mark=2))
    return buffer


def test_half_of_every_minibatch_is_demonstrations(online, demonstrations):
    sampler = BatchSampler(online, demonstrations, batch_size=16, minibatches=4, seed=0)
    for index in range(5):
        marks = sampler.sample(index).observations["state"][..., 0]
        assert marks.shape == (4, 16)
        assert torch.equal(marks, torch.tensor([1.0] * 8 + [2.0] * 8).expand(4, 16))


def test_demonstrations_are_marked_as_taught(online, demonstrations):
    taught = BatchSampler(online, demonstrations, batch_size=16, minibatches=4, seed=0).sample(0).interventions
    assert torch.equal(taught, torch.tensor([0.0] * 8 + [1.0] * 8).expand(4, 16))
    assert not BatchSampler(online, None, batch_size=16, minibatches=4, seed=0).sample(0).interventions.any()


def test_arrays_of_a_transition_stay_together(online, demonstrations):
    batch = BatchSampler(online, demonstrations, batch_size=16, minibatches=4, seed=0).sample(3)
    state = batch.observations["state"]
    assert torch.equal(batch.next_observations["state"], state + torch.tensor([0.0, 0.0, 1.0]))
    assert torch.equal(batch.rewards, state[..., 2])
    last = torch.where(state[..., 0] == 1, 49, 4)
    assert torch.equal(batch.terminated, (state[..., 2] == last).float())


def test_without_demonstrations_everything_is_online(online):
    batch = BatchSampler(online, None, batch_size=7, minibatches=3, seed=0).sample(0)
    assert batch.rewards.shape == (3, 7)
    assert (batch.observations["state"][..., 0] == 1).all()


def test_draw_depends_on_seed_and_update_alone(online, demonstrations):
    def rewards(seed, index):
        return BatchSampler(online, demonstrations, batch_size=16, minibatches=4, seed=seed).sample(index).rewards

    assert torch.equal(rewards(0, 3), rewards(0, 3))
    assert not torch.equal(rewards(0, 3), rewards(0, 4))
    assert not torch.equal(rewards(0, 3), rewards(1, 3))


def test_odd_batch_cannot_be_halved(online, demonstrations):
    with pytest.raises(ValueError, match="batch size 15 is odd"):
        BatchSampler(online, demonstrations, batch_size=15, minibatches=4, seed=0)


def test_prefetched_batches_are_those_of_consecutive_updates(online):
    sampler = BatchSampler(online, None, batch_size=8, minibatches=2, seed=0)
    with Prefetcher(sampler, first_update_index=5) as prefetcher:
        for index in range(5, 15):
            assert torch.equal(prefetcher.next().rewards, sampler.sample(index).rewards)


def test_error_of_the_prefetch_thread_is_raised_to_its_reader(spec):
    sampler = BatchSampler(ReplayBuffer(spec, 10), None, batch_size=8, minibatches=2, seed=0)
    with Prefetcher(sampler, first_update_index=0) as prefetcher:
        for _ in range(2):
            with pytest.raises(EmptyReplayError):
                prefetcher.next()


def test_batch_shares_no_memory_with_the_buffer(online):
    sampler = BatchSampler(online, None, batch_size=8, minibatches=1, seed=0)
    before = sampler.sample(0)
    sampler.sample(0).observations["state"].fill_(np.nan)
    assert torch.equal(sampler.sample(0).observations["state"], before.observations["state"])


def with_corrections(make_episode, steps, **kwargs):
    rows = make_episode(50, **kwargs)
    return dataclasses.replace(rows, interventions=np.isin(rows.step_indices, steps))


@pytest.mark.trap
def test_corrected_steps_are_drawn_with_the_demonstrations_as_from_one_buffer(spec, make_episode, demonstrations):
    online = ReplayBuffer(spec, 100)
    online.append(with_corrections(make_episode, range(10, 20), mark=1))
    sampler = BatchSampler(online, demonstrations, batch_size=300, minibatches=4, seed=0)
    states = torch.cat([sampler.sample(index).observations["state"] for index in range(10)])
    assert (states[:, :150, 0] == 1).all()
    taught = states[:, 150:].reshape(-1, 3)
    is_correction = taught[:, 0] == 1
    assert set(taught[is_correction, 2].tolist()) == set(range(10, 20))
    # 10 corrections beside 5 demonstrated transitions: two thirds of 6000 draws, standard deviation 36.5.
    assert abs(int(is_correction.sum()) - 4000) < 5 * 36.5
    # Every minibatch has its share; none is left to one kind.
    shares = (states[:, 150:, 0] == 1).float().mean(1)
    assert float(shares.min()) > 0.4
    assert float(shares.max()) < 0.9


@pytest.mark.trap
def test_corrected_steps_are_in_the_online_half_too(spec, make_episode, demonstrations):
    online = ReplayBuffer(spec, 100)
    online.append(with_corrections(make_episode, range(50), mark=1))
    states = BatchSampler(online, demonstrations, batch_size=200, minibatches=4, seed=0).sample(0).observations["state"]
    assert len(set(states[:, :100, 2].ravel().tolist())) == 50


def test_arrays_stay_together_in_a_mixed_half(spec, make_episode, demonstrations):
    online = ReplayBuffer(spec, 100)
    online.append(with_corrections(make_episode, range(5), mark=1))
    batch = BatchSampler(online, demonstrations, batch_size=16, minibatches=4, seed=0).sample(3)
    state = batch.observations["state"]
    assert torch.equal(batch.next_observations["state"], state + torch.tensor([0.0, 0.0, 1.0]))
    assert torch.equal(batch.rewards, state[..., 2])


@pytest.mark.parametrize(("corrections", "is_halved"), [(7, False), (8, True)])
def test_without_demonstrations_corrections_must_fill_their_half(spec, make_episode, corrections, is_halved):
    online = ReplayBuffer(spec, 100)
    online.append(with_corrections(make_episode, range(corrections), mark=1))
    sampler = BatchSampler(online, None, batch_size=16, minibatches=4, seed=0)
    second = torch.cat([sampler.sample(index).observations["state"][:, 8:, 2] for index in range(5)])
    assert bool((second < corrections).all()) == is_halved


class Overwriting:
    """A replay whose corrected steps are all overwritten by what comes in while a batch is drawn."""

    def __init__(self, buffer, rows):
        self.buffer, self.rows = buffer, rows

    def __getattr__(self, name):
        return getattr(self.buffer, name)

    def sample_into(self, *args, **kwargs):
        self.buffer.sample_into(*args, **kwargs)
        if self.rows is not None:
            self.buffer.append(self.rows)
            self.rows = None


@pytest.mark.parametrize("has_demonstrations", [True, False])
def test_corrections_that_are_overwritten_while_a_batch_is_drawn_end_nothing(
    spec, make_episode, demonstrations, has_demonstrations
):
    buffer = ReplayBuffer(spec, 51)  # One episode of fifty steps, with its last observation.
    buffer.append(with_corrections(make_episode, range(50), mark=1))
    online = Overwriting(buffer, with_corrections(make_episode, (), mark=3, episode=1))
    sampler = BatchSampler(online, demonstrations if has_demonstrations else None, batch_size=8, minibatches=2, seed=0)
    batch = sampler.sample(0)
    assert buffer.intervention_count == 0
    marks = batch.observations["state"][..., 0]
    if has_demonstrations:
        assert marks.tolist() == [[1.0] * 4 + [2.0] * 4] * 2
        assert batch.interventions[:, 4:].all()
    else:
        assert (marks == 3).all()
        assert not batch.interventions.any()
