"""Converts between episode files and the formats of other projects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from serl_client.episodes.files import Episode, EpisodeHeader, EpisodeWriter
from serl_rl.datasets.physical_actions import with_units, without_units
from serl_rl.datasets.source import EpisodeSource, OnEpisode, specification_of
from serl_rl.errors import DatasetError


def episodes_of(source: EpisodeSource) -> Iterator[Episode]:
    """Reads the episodes of a source, one at a time."""
    return (source.episode(number) for number in range(len(source.lengths)))


def exported(source: EpisodeSource) -> Iterator[Episode]:
    """Reads the episodes of a source as others expect them: joint positions in rad, openings in m."""
    return with_units(source.header, episodes_of(source))


def import_episodes(
    source: EpisodeSource, path: Path, task: str | None = None, on_episode: OnEpisode | None = None
) -> int:
    """Writes the episodes of a source into an episode file, which is there whole or not at all.

    Args:
        source: Where they come from.
        path: File to make; must not exist.
        task: Environment that they are of; None is what the source says.
        on_episode: Told how far it is.

    Returns:
        Episodes written.

    Raises:
        DatasetError: There is none, or one is damaged.
        OSError: The disk is full.
    """
    if not source.lengths:
        raise DatasetError("there is no episode in it to import")
    header = source.header if task is None else replace(source.header, task=task)
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        with EpisodeWriter(partial, _complete(header, source)) as writer:
            for number, episode in enumerate(episodes_of(source)):
                writer.append(without_units(header, episode))
                if on_episode is not None:
                    on_episode(number + 1)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return len(source.lengths)


def _complete(header: EpisodeHeader, source: EpisodeSource) -> EpisodeHeader:
    """Adds what the episodes observe and do where the header does not say it."""
    found = specification_of(source.episode(0))
    return replace(header, specification=found | dict(header.specification))
