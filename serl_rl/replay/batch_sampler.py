"""Samples batches for updates: online transitions, or half of them and half demonstrations and interventions.

Ball et al. 2023 (arXiv:2302.02948), "symmetric sampling". As in HIL-SERL (Luo et al. 2024, arXiv:2410.21845), steps in
which a person took over belong to both halves: they lie in the online replay, and are drawn with the demonstrations as
if they were one buffer. Every update draws from its own random generator, made of the seed and the update's number, so
that a resumed run draws the same as one that was never stopped.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from serl_rl.replay.batch import TransitionBatch, empty_batch
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.errors import EmptyReplayError
from serl_rl.replay.feature_cache import EncodedReplay
from serl_rl.replay.update_batch import UpdateBatch, to_update_batch

TransitionSource: TypeAlias = ReplayBuffer | EncodedReplay
"""Where transitions are drawn from: a replay, or one whose images are sampled as feature maps."""


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
        online: TransitionSource,
        demonstrations: TransitionSource | None,
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
        batch = empty_batch(self._online.layout, self._online.spec.action_size, self._minibatches * self._batch_size)
        if not is_halved or not self._sample_halves(batch, corrected, rng):
            self._online.sample_into(batch, (slice(0, len(batch)),), rng)
        return to_update_batch(batch, self._minibatches)

    def _sample_halves(self, batch: TransitionBatch, corrected: int, rng: np.random.Generator) -> bool:
        """Fills a batch; False if none is from an expert: all corrections were overwritten since they were counted."""
        half = self._batch_size // 2
        starts = range(0, len(batch), self._batch_size)
        self._online.sample_into(batch, [slice(start, start + half) for start in starts], rng)
        try:
            self._sample_expert_half(batch, [slice(start + half, start + 2 * half) for start in starts], corrected, rng)
        except EmptyReplayError:
            if self._demonstrations is None:
                return False
            raise
        batch.interventions.reshape(-1, self._batch_size)[:, half:] = True  # A person chose demonstrations too.
        return True

    def _sample_expert_half(
        self, batch: TransitionBatch, places: list[slice], corrected: int, rng: np.random.Generator
    ) -> None:
        """Draws demonstrated and corrected transitions as if from one buffer."""
        if self._demonstrations is None:
            self._online.sample_into(batch, places, rng, only_interventions=True)
        elif not corrected:
            self._demonstrations.sample_into(batch, places, rng)
        else:
            positions = rng.permutation(np.concatenate([np.arange(place.start, place.stop) for place in places]))
            share = corrected / (corrected + self._demonstrations.transition_count)
            corrections = int(rng.binomial(len(positions), share))
            single = [slice(position, position + 1) for position in positions.tolist()]
            self._demonstrations.sample_into(batch, single[corrections:], rng)
            try:
                self._online.sample_into(batch, single[:corrections], rng, only_interventions=True)
            except EmptyReplayError:  # All were overwritten since they were counted.
                self._demonstrations.sample_into(batch, single[:corrections], rng)
