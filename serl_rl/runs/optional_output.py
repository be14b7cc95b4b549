"""Writes what a run can do without, curves and video: a full or read-only disk costs them, never the result."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from serl_rl.artifacts.run_directory import RunDirectory
from serl_rl.errors import sentence_of

if TYPE_CHECKING:
    from serl_rl.visualization.episode_video import EpisodeVideo

Note = Callable[[str], None]
"""Tells people something."""


def draw_curves(directory: RunDirectory, title: str, note: Note) -> None:
    """Draws the curves of a run into its folder, or says why not."""
    from serl_rl.monitoring.curves import plot_run

    with _can_be_missing("curves", directory.curves, note):
        plot_run(directory.path, directory.curves, title)


def write_film(film: EpisodeVideo, path: Path, note: Note) -> None:
    """Writes a film that has frames, or says why not."""
    from serl_rl.visualization.video import write_video

    with _can_be_missing("video", path, note):
        write_video(film, path, film.rate_hz)


@contextlib.contextmanager
def _can_be_missing(name: str, path: Path, note: Note) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        with contextlib.suppress(OSError):  # A part of a file is worse than none.
            path.unlink(missing_ok=True)
        note(f"there is no {name}: {sentence_of(error)}; the result is kept")
