"""Batches for updates: online transitions, or half of them and half what the policy was taught.

Ball et al. 2023 (arXiv:2302.02948), "symmetric sampling". As in HIL-SERL (Luo et al. 2024, arXiv:2410.21845), steps in
which a person took over belong to both halves: they lie in the online replay, and are drawn with the demonstrations as
if they were one buffer. Every update draws from its own random generator, made of the seed and the update's number, so
that a resumed run draws the same as one that was never stopped.
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
        demonstrations: Transitions of demonstrations, which with the interventions among the online ones make the
            second half of each minibatch. Without them, that half begins with interventions enough to fill it, and
            until then everything is drawn from all online transitions.
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
        corrected = self._online.intervention_count
        is_halved = self._demonstrations is not None or (
            corrected >= self._batch_size // 2 and self._batch_size % 2 == 0
        )
        if not is_halved:
            return to_update_batch(self._online.sample(self._minibatches * self._batch_size, rng), self._minibatches)
        count = self._minibatches * self._batch_size // 2
        parts = [self._online.sample(count, rng), *self._taught(count, corrected, rng)]
        is_mixed = len(parts) > 2
        order = np.concatenate([np.arange(count), count + (rng.permutation(count) if is_mixed else np.arange(count))])
        return to_update_batch(concatenate(parts).take(_interleaved(order, self._minibatches)), self._minibatches)

    def _taught(self, count: int, corrected: int, rng: np.random.Generator) -> list[TransitionBatch]:
        """Demonstrated and corrected transitions, together `count`, as if drawn from one buffer."""
        if self._demonstrations is None:
            return [self._online.sample(count, rng, only_interventions=True)]
        if not corrected:
            return [self._demonstrations.sample(count, rng)]
        share = corrected / (corrected + self._demonstrations.transition_count)
        corrections = int(rng.binomial(count, share))
        return [
            self._demonstrations.sample(count - corrections, rng),
            self._online.sample(corrections, rng, only_interventions=True),
        ]


def _interleaved(order: np.ndarray, minibatches: int) -> np.ndarray:
    """Reorders two halves so that each of the equal minibatches holds the same share of both."""
    return order.reshape(2, minibatches, -1).swapaxes(0, 1).ravel()
