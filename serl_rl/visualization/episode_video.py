"""Collects the step records of a few episodes and draws them as a video."""

from __future__ import annotations

from collections.abc import Iterator

from serl_rl.visualization.labels import Labels
from serl_rl.visualization.overlay import draw_frame, plain_frame
from serl_rl.visualization.step_record import Image, StepRecord

_HELD_FRAMES = 10


class EpisodeVideo:
    """Collects step records as a `StepSink`.

    Frames are drawn when somebody iterates, as often as wanted.

    Args:
        episode_count: Episodes to keep.
        labels: Names and thresholds.
        overlay: Whether values, actions, probabilities and rewards are drawn under the pictures.
    """

    needs_scene = True

    def __init__(self, episode_count: int, labels: Labels, *, overlay: bool = True) -> None:
        self._episode_count = episode_count
        self._labels = labels
        self._overlay = overlay
        self._episodes: list[list[StepRecord]] = []

    @property
    def is_empty(self) -> bool:
        """Returns whether there is nothing to draw."""
        return not self._episodes

    @property
    def rate_hz(self) -> float:
        """Returns the frames a second at the robot's own pace."""
        return self._labels.rate_hz

    def wants(self, episode: int) -> bool:
        """Returns whether an episode is kept."""
        return episode <= self._episode_count

    def show(self, record: StepRecord) -> None:
        """Adds a step record."""
        if record.step == 0:
            self._episodes.append([])
        self._episodes[-1].append(record)

    def __iter__(self) -> Iterator[Image]:
        """Draws all frames; the last one of an episode is held for a second."""
        for episode in self._episodes:
            for index in range(len(episode)):
                frame = draw_frame(episode, index, self._labels) if self._overlay else plain_frame(episode[index])
                yield from [frame] * (_HELD_FRAMES if index == len(episode) - 1 else 1)
