"""Names the files of a LeRobot data set."""

from __future__ import annotations

from pathlib import Path

VERSION = "v3.0"
INFO = Path("meta/info.json")
STATISTICS = Path("meta/stats.json")
TASKS = Path("meta/tasks.parquet")
EPISODES = Path("meta/episodes/chunk-000/file-000.parquet")
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
CHUNK_FILES = 1000
"""Files of a folder, at most."""
DATA_FILE_MB = 100
"""Size from which another file of data is begun."""
VIDEO_FILE_MB = 200
"""Size from which another video is begun."""

OWN_HEADER = Path("meta/serl.json")
"""Ours: the header of the episode file, and which column is which array. LeRobot does not look at it."""
OWN_EPISODES = Path("meta/serl_episodes.parquet")
"""Ours: of each episode how it ended, its metadata, and the observation after the last action, for which a LeRobot data
set has no row."""


def place(number: int) -> dict[str, int]:
    """Returns folder and file of the file of a number, as the paths' templates name them."""
    return {"chunk_index": number // CHUNK_FILES, "file_index": number % CHUNK_FILES}
