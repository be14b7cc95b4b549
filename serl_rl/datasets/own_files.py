"""Reads the product's own episode files as a source of episodes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serl_client.episodes.files import Episode, EpisodeHeader
from serl_client.episodes.random_access import EpisodeFile
from serl_client.errors import EpisodeFileError
from serl_rl.errors import DatasetError

_CACHE_BYTES = 1 << 30


class OwnSource:
    """Reads an episode file; an `EpisodeSource`.

    Pictures are read one by one. In files of the first version they are packed by episode; unpacked episodes of these
    are remembered, up to a size.

    Args:
        path: The file.
        cache_bytes: Pictures to remember; the newest episode always is.

    Raises:
        DatasetError: It cannot be read, is foreign, or is of a later version.
    """

    def __init__(self, path: Path, cache_bytes: int = _CACHE_BYTES) -> None:
        try:
            self._file = EpisodeFile(path)
        except EpisodeFileError as error:
            raise DatasetError(str(error)) from None
        self._cache_bytes = cache_bytes
        self._unpacked: OrderedDict[int, Episode] = OrderedDict()

    @property
    def header(self) -> EpisodeHeader:
        """Returns what all episodes share."""
        return self._file.header

    @property
    def lengths(self) -> Sequence[int]:
        """Returns the number of steps of each episode."""
        return self._file.lengths

    def __getstate__(self) -> dict[str, Any]:
        """Leaves the pictures to the process that has them."""
        return vars(self) | {"_unpacked": OrderedDict()}

    def episode(self, number: int, *, images: bool = True) -> Episode:
        """Reads an episode.

        Raises:
            DatasetError: The file was changed meanwhile.
        """
        try:
            return self._file.episode(number, images=images)
        except EpisodeFileError as error:
            raise DatasetError(str(error)) from None

    def images(self, number: int, index: int, cameras: Sequence[str]) -> dict[str, NDArray[np.uint8]]:
        """Reads the pictures of one observation.

        Raises:
            DatasetError: The file was changed meanwhile, or there is no such camera.
        """
        return {camera: self._picture(number, index, camera) for camera in cameras}

    def _picture(self, number: int, index: int, camera: str) -> NDArray[np.uint8]:
        try:
            found = self._file.picture(number, camera, index)
        except EpisodeFileError as error:
            raise DatasetError(str(error)) from None
        if found is not None:
            return found
        observations = self._remembered(number).observations
        if camera not in observations:
            raise DatasetError(f"{self._file.path} has no camera {camera!r}; it has {', '.join(observations)}")
        return observations[camera][index]

    def _remembered(self, number: int) -> Episode:
        if number not in self._unpacked:
            self._unpacked[number] = self.episode(number)
            while len(self._unpacked) > 1 and sum(map(_size, self._unpacked.values())) > self._cache_bytes:
                self._unpacked.popitem(last=False)
        self._unpacked.move_to_end(number)
        return self._unpacked[number]


def _size(episode: Episode) -> int:
    return sum(array.nbytes for array in episode.observations.values())
