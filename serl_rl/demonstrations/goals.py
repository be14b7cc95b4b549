"""Reads goal frames, which show a task done, from demonstrations."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from serl_client.episodes.files import read_episodes
from serl_rl.demonstrations.files import NO_GOALS
from serl_rl.demonstrations.frames import frames_of, joined
from serl_rl.errors import UsageError
from serl_rl.protocol.spec import EnvironmentSpec
from serl_rl.rewards.classifier.examples import success_labels

log = logging.getLogger(__name__)


def goal_frames(paths: Sequence[Path], spec: EnvironmentSpec, frame_stack: int, limit: int) -> dict[str, np.ndarray]:
    """Reads the frames labelled as success; where no frame of any file is, the last one of each episode.

    Args:
        paths: Episode files that fit the spec.
        spec: Which arrays of the observation.
        frame_stack: Images of each camera that are seen at once.
        limit: Most frames; more are thinned evenly.

    Returns:
        Observations by name, as `frames_of` returns them.

    Raises:
        UsageError: There are no episodes.
        ClassifierError: Labels do not fit an episode, or it had success before its end but does not say when.
        EpisodeFileError: A file cannot be read.
    """
    labelled, last = [], []
    for path in paths:
        for number, episode in enumerate(read_episodes(path)):
            labels = success_labels(episode, f"episode {number} of {path}", ambiguous_frames=0)
            for found, indices in ((labelled, np.flatnonzero(labels == 1)), (last, np.array([len(episode)]))):
                if len(indices):
                    found.append(frames_of(episode, indices, spec, frame_stack))
    if not last:
        raise UsageError(NO_GOALS)
    frames = joined(labelled or last)
    count = len(next(iter(frames.values())))
    log.info("%d goal frames: %s", count, "labelled as success" if labelled else "the last of each demonstration")
    kept = np.unique(np.linspace(0, count - 1, min(count, limit)).round().astype(int))
    return {name: array[kept] for name, array in frames.items()}
