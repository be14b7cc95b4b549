"""Recognises the format of episodes by what a path holds, and opens them."""

from __future__ import annotations

from pathlib import Path

from serl_client.episodes.records import MAGIC
from serl_rl.datasets.aloha.layout import PATTERN
from serl_rl.datasets.aloha.reading import AlohaSource
from serl_rl.datasets.lerobot.layout import INFO
from serl_rl.datasets.lerobot.reading import LeRobotSource
from serl_rl.datasets.own_files import OwnSource
from serl_rl.datasets.source import EpisodeSource
from serl_rl.errors import DatasetError

_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


def open_episodes(path: Path) -> EpisodeSource:
    """Opens an episode file, a LeRobot data set, or ALOHA's files.

    Raises:
        DatasetError: There is nothing, it is something else, or it is damaged.
    """
    if path.is_dir():
        if (path / INFO).exists():
            return LeRobotSource(path)
        if any(path.glob(PATTERN)):
            return AlohaSource(path)
        raise DatasetError(f"{path} is a folder without {INFO} or {PATTERN}; it holds no episodes")
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC))
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from None
    if start == MAGIC:
        return OwnSource(path)
    if start.startswith(_HDF5_MAGIC):
        return AlohaSource(path)
    raise DatasetError(f"{path} is neither an episode file, a LeRobot data set nor a file of ALOHA's")
