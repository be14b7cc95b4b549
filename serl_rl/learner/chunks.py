"""Draws chunks of actions from whole episodes, and computes their statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from serl_client.episodes.files import Episode
from serl_rl.algorithms.act.chunk_batch import ChunkBatch
from serl_rl.algorithms.act.normalization import ChunkStatistics
from serl_rl.datasets.normalization import Statistics
from serl_rl.demonstrations.frames import FrameBank, frames_of, joined
from serl_rl.models.vision.image_preprocessor import ImagePreprocessor
from serl_rl.protocol.spec import EnvironmentSpec


@dataclass(frozen=True, kw_only=True, eq=False)
class Chunks:
    """Holds the steps of some episodes; a chunk may begin at each."""

    frames: FrameBank
    """What was seen at each step, N in all."""
    actions: Tensor
    """What was done there. Shape (N, A)."""
    ends: Tensor
    """The step after the last one of each step's episode. int64 of shape (N,)."""
    size: int
    """Actions of a chunk."""

    def __len__(self) -> int:
        """Returns the number of chunks."""
        return len(self.frames)

    def batch(self, indices: np.ndarray, generator: torch.Generator | None = None) -> ChunkBatch:
        """Returns the chunks that begin at some steps; padding repeats an episode's last action.

        Args:
            indices: Which. Shape (B,).
            generator: Source of random crops; None goes on with the frames' own.
        """
        starts = torch.from_numpy(indices).to(self.actions.device)
        places = starts[:, None] + torch.arange(self.size, device=starts.device)
        ends = self.ends[starts][:, None]
        return ChunkBatch(
            observations=self.frames.draw(indices, generator),
            actions=self.actions[torch.minimum(places, ends - 1)],
            is_pad=places >= ends,
        )


def chunks_of(
    episodes: Sequence[Episode],
    size: int,
    spec: EnvironmentSpec,
    preprocessor: ImagePreprocessor | None,
    *,
    crops: int,
    seed: int,
    device: torch.device,
) -> Chunks:
    """Prepares the chunks of episodes.

    Args:
        episodes: At least one.
        size: Actions of a chunk.
        spec: What is observed.
        preprocessor: Prepares images; None where there are none.
        crops: Random crops of each image; 0 for none.
        seed: Seed of the crops.
        device: Where they are used.
    """
    frames = joined([frames_of(episode, np.arange(len(episode)), spec, 1) for episode in episodes])
    ends = np.cumsum([len(episode) for episode in episodes])
    actions = np.concatenate([episode.actions for episode in episodes]).astype(np.float32)
    return Chunks(
        frames=FrameBank(frames, spec, preprocessor, crops=crops, seed=seed, device=device),
        actions=torch.from_numpy(actions).to(device),
        ends=torch.from_numpy(np.repeat(ends, [len(episode) for episode in episodes])).to(device),
        size=size,
    )


def statistics_of(episodes: Sequence[Episode], spec: EnvironmentSpec) -> ChunkStatistics:
    """Computes the statistics of all steps, and the time of a step.

    Args:
        episodes: At least one.
        spec: Which arrays are the state, in which order.

    Raises:
        DatasetError: A value is NaN or infinite.
    """
    vectors = [
        np.concatenate([episode.observations[array.name][:-1] for array in spec.vectors], -1)
        if spec.vectors
        else np.zeros((len(episode), 0))
        for episode in episodes
    ]
    gaps = np.concatenate([np.diff(episode.stamps_ns) for episode in episodes])
    return ChunkStatistics(
        state=Statistics.of(vectors, "the state"),
        action=Statistics.of([episode.actions for episode in episodes], "the action"),
        step_s=float(np.median(gaps)) * 1e-9,
    )
