"""Batches for updates: online transitions, or half of them and half demonstrations.

Ball et al. 2023 (arXiv:2302.02948), "symmetric sampling". Every update draws from its own random generator, made of the
seed and the update's number, so that a resumed run draws the same as one that was never stopped.
"""

from __future__ import annotations

import numpy as np

from serl_rl.replay.batch import TransitionBatch, concatenate
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.update_batch import UpdateBatch, to_update_batch


class BatchSampler:
    """Draws all minibatches of one update.

    Args:
        online: Transitions of actors.
        demonstrations: Transitions of demonstrations, which make the first half of each minibatch's other half; None or
            an empty buffer for online transitions only.
        batch_size: Transitions of one minibatch; even when there are demonstrations.
        minibatches: Minibatches of one update.
        seed: Seed of every draw.
    """

    def __init__(
        self,
        online: ReplayBuffer,
        demonstrations: ReplayBuffer | None,
        *,
        batch_size: int,
        minibatches: int,
        seed: int,
    ) -> None:
        if demonstrations is not None and batch_size % 2:
            raise ValueError(f"batch size {batch_size} is odd; half of a batch are demonstrations, so make it even")
        self._online = online
        self._demonstrations = demonstrations
        self._batch_size = batch_size
        self._minibatches = minibatches
        self._seed = seed

    def sample(self, update_index: int) -> UpdateBatch:
        """Draws the minibatches of an update; in each the online half comes first.

        Args:
            update_index: Number of the update, from 0.

        Raises:
            EmptyReplayError: A buffer holds no transition yet.
        """
        rng = np.random.default_rng((self._seed, update_index))
        if self._demonstrations is None:
            return to_update_batch(self._online.sample(self._minibatches * self._batch_size, rng), self._minibatches)
        count = self._minibatches * self._batch_size // 2
        halves = self._online.sample(count, rng), self._demonstrations.sample(count, rng)
        return to_update_batch(_interleave(halves, self._minibatches), self._minibatches)


def _interleave(halves: tuple[TransitionBatch, TransitionBatch], minibatches: int) -> TransitionBatch:
    """Orders two halves so that each of the equal minibatches holds the same share of both."""
    both = concatenate(halves)
    order = np.arange(len(both)).reshape(2, minibatches, -1).swapaxes(0, 1).ravel()
    return both.take(order)
