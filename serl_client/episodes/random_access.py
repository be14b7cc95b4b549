"""Reads single episodes and single pictures of an episode file, in any order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serl_client.episodes.files import (
    OBSERVATIONS,
    Episode,
    open_file,
    placed_episodes,
    read_episode_at,
    read_header,
)
from serl_client.episodes.records import PackedRows, find_rows
from serl_client.errors import EpisodeFileError


class EpisodeFile:
    """Reads an episode file in any order. Opening it reads it once, and warns about damaged episodes.

    Args:
        path: The file; what is appended to it later is not seen.

    Raises:
        EpisodeFileError: It cannot be read, is foreign, or is of a later version.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.header = read_header(self.path)
        """What its episodes share."""
        found = [(start, len(episode)) for start, episode in placed_episodes(self.path, images=False)]
        self._starts = [start for start, _ in found]
        self._rows: dict[int, dict[str, PackedRows]] = {}
        self.lengths = [length for _, length in found]
        """Steps of each whole episode, in the order written."""

    def episode(self, number: int, *, images: bool = True) -> Episode:
        """Reads an episode.

        Args:
            number: Which, from 0.
            images: Whether to unpack pictures; without, they are missing among its observations.

        Raises:
            EpisodeFileError: The file was changed meanwhile.
        """
        return read_episode_at(self.path, self._starts[number], images=images)

    def picture(self, number: int, name: str, index: int) -> NDArray[np.uint8] | None:
        """Reads one picture, and nothing else.

        Args:
            number: Of which episode, from 0.
            name: Key of the observation.
            index: Of which observation, from 0.

        Returns:
            The picture; None where none can be read by itself: there is no such key, or the file is of the first
            version.

        Raises:
            EpisodeFileError: The file was changed meanwhile.
        """
        with open_file(self.path) as file:
            try:
                if number not in self._rows:
                    self._rows[number] = find_rows(file, self._starts[number])
                rows = self._rows[number].get(f"{OBSERVATIONS}{name}")
                return None if rows is None else rows.read(file, index)
            except ValueError:
                raise EpisodeFileError(f"{self.path} was changed by another process; open it anew") from None
