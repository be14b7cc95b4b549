"""Summarizes the episodes of a file and draws their images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from serl_client.episodes.files import Episode
from serl_rl.demonstrations.labelling import labels_of
from serl_rl.errors import UsageError

_FALLBACK_RATE_HZ = 10.0


@dataclass(frozen=True)
class EpisodeFigures:
    """Summarizes one episode."""

    number: int
    """Place in the file, from 0."""
    steps: int
    """Environment steps."""
    duration_s: float
    """Time from the first observation to the last, s."""
    episode_return: float
    """Sum of rewards."""
    success: bool
    """Whether the task was done."""
    end: str
    """"terminated", "truncated" or "broken off"."""
    intervention_ratio: float
    """Share of steps that a person or an expert drove."""
    positives: int
    """Observations labelled as success."""
    negatives: int
    """Observations labelled as failure."""


def figures_of(number: int, episode: Episode) -> EpisodeFigures:
    """Summarizes an episode."""
    labels = labels_of(episode)
    return EpisodeFigures(
        number=number,
        steps=len(episode),
        duration_s=round(float(episode.stamps_ns[-1] - episode.stamps_ns[0]) / 1e9, 3),
        episode_return=round(float(episode.rewards.sum()), 4),
        success=bool(episode.success),
        end="terminated" if episode.terminated else "truncated" if episode.truncated else "broken off",
        intervention_ratio=round(float(episode.interventions.mean()) if len(episode) else 0.0, 4),
        positives=labels.count(True),
        negatives=labels.count(False),
    )


def cameras_of(episode: Episode) -> list[str]:
    """Lists the cameras of an episode, as they are stored."""
    return [
        name
        for name, images in episode.observations.items()
        if images.dtype == np.uint8 and images.ndim in (4, 5) and images.shape[-1] == 3
    ]


def draw_frames(number: int, episode: Episode) -> list[np.ndarray]:
    """Draws its images, cameras side by side, with a line of step, label and intervention.

    Args:
        number: Place in the file.
        episode: The episode.

    Returns:
        RGB images of one even size, one for each observation.

    Raises:
        UsageError: It has no pictures, or of different heights.
    """
    from serl_rl.visualization.video import annotate

    cameras = cameras_of(episode)
    if not cameras:
        raise UsageError(f"episode {number} has no pictures; it was recorded without cameras")
    stacks = [episode.observations[name] for name in cameras]
    newest = [stack[:, -1] if stack.ndim == 5 else stack for stack in stacks]
    if len({stack.shape[1] for stack in newest}) > 1:
        raise UsageError(f"the cameras of episode {number} have different heights; they cannot be drawn side by side")
    labels = labels_of(episode)
    frames = []
    for index in range(len(episode) + 1):
        image = np.concatenate([stack[index] for stack in newest], axis=1)
        is_driven = index < len(episode) and bool(episode.interventions[index])
        words = [f"episode {number}", f"step {index:3d}", *(["intervention"] if is_driven else [])]
        is_success = labels[index] is True
        frames.append(annotate(image, "  ".join([*words, *(["success"] if is_success else [])]), success=is_success))
    return frames


def export_frames(number: int, episode: Episode, output: Path) -> Path:
    """Writes an episode's pictures: .mp4 a video, .gif an animation, else a folder of PNG files; returns what it was.

    Raises:
        UsageError: The episode has no pictures.
    """
    from PIL import Image as Pictures

    from serl_rl.visualization.video import write_animation, write_video

    frames = draw_frames(number, episode)
    seconds = float(episode.stamps_ns[-1] - episode.stamps_ns[0]) / 1e9
    rate_hz = len(episode) / seconds if seconds > 0 else _FALLBACK_RATE_HZ
    suffix = output.suffix.lower()
    if suffix in (".mp4", ".gif"):
        return (write_video if suffix == ".mp4" else write_animation)(frames, output, rate_hz)
    output.mkdir(parents=True, exist_ok=True)
    for index, frame in enumerate(frames):
        Pictures.fromarray(frame).save(output / f"episode-{number:03d}-step-{index:04d}.png")
    return output
