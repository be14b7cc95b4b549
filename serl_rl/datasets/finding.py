"""Recognises the format of episodes by what a path holds, and opens them."""

from __future__ import annotations

from pathlib import Path

from serl_client.episodes.records import MAGIC
from serl_rl.datasets.lerobot.layout import INFO
from serl_rl.datasets.own_files import OwnSource
from serl_rl.datasets.source import EpisodeSource
from serl_rl.errors import DatasetError


def open_episodes(path: Path) -> EpisodeSource:
    """Opens an episode file or a LeRobot data set.

    Raises:
        DatasetError: There is nothing, it is something else, or it is damaged.
    """
    if path.is_dir():
        from serl_rl.datasets.lerobot.reading import LeRobotSource

        if (path / INFO).exists():
            return LeRobotSource(path)
        raise DatasetError(f"{path} is a folder without {INFO}; it is no LeRobot data set")
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC))
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from None
    if start == MAGIC:
        return OwnSource(path)
    raise DatasetError(f"{path} is neither an episode file nor a LeRobot data set")
