"""Reads what a LeRobot data set says of itself, of version 3.0 or 2.1, and where each episode lies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serl_client.episodes.files import EpisodeHeader
from serl_rl.datasets.lerobot import layout
from serl_rl.datasets.lerobot.columns import Column, foreign_columns
from serl_rl.datasets.libraries import library
from serl_rl.errors import DatasetError

_OLD_CHUNK = 1000


@dataclass(frozen=True, kw_only=True)
class Video:
    """Says where the pictures of one camera lie."""

    path: Path
    """The video."""
    first: int
    """Number of the episode's first frame in it."""


@dataclass(frozen=True, kw_only=True)
class EpisodePlace:
    """Says where an episode lies."""

    number: int
    """Its index in the data set."""
    length: int
    """Its rows."""
    data: Path
    """Table that has them."""
    instruction: str
    """What was to be done."""
    videos: Mapping[str, Video]
    """By column."""


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """Describes a data set."""

    root: Path
    """Its folder."""
    fps: float
    """Frames a second."""
    columns: tuple[Column, ...]
    """What its columns hold."""
    videos: frozenset[str]
    """Columns that are videos."""
    features: Mapping[str, Any]
    """As in info.json."""
    episodes: tuple[EpisodePlace, ...]
    """In order."""
    header: EpisodeHeader | None
    """Of the episode file that it was exported from; None for a stranger's."""
    own: Any = field(repr=False, default=None)
    """Table of what a data set has no place for; None for a stranger's."""


def read_metadata(root: Path) -> Metadata:
    """Reads the metadata of a data set.

    Raises:
        DatasetError: It is missing, damaged, or of another version.
    """
    info = read_json(root / layout.INFO)
    version = info.get("codebase_version")
    if version not in ("v3.0", "v2.1"):
        raise DatasetError(
            f"{root} is of version {version}; v3.0 and v2.1 are read, so convert it with LeRobot's own scripts first"
        )
    try:
        features = {str(name): dict(feature) for name, feature in info["features"].items()}
        for feature in features.values():
            feature["shape"] = [int(size) for size in feature["shape"]]
        fps = float(info["fps"])
        if not fps > 0:
            raise ValueError(f"fps is {fps:g}")
        videos = frozenset(name for name, feature in features.items() if feature["dtype"] == "video")
        own = read_json(root / layout.OWN_HEADER) if (root / layout.OWN_HEADER).exists() else None
        columns = foreign_columns(features) if own is None else _own_columns(own)
        read = _places if version == "v3.0" else _old_places
        episodes = read(root, info, videos, fps)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise DatasetError(f"the metadata of {root} does not say what it holds ({reason}); fetch it anew") from None
    own_rows = None if own is None else read_table(root / layout.OWN_EPISODES)
    if own_rows is not None and len(own_rows) != len(episodes):
        raise DatasetError(
            f"{root} has {len(episodes)} episodes, but {layout.OWN_EPISODES} tells of {len(own_rows)}; if it was "
            f"edited since its export, remove {layout.OWN_HEADER}"
        )
    missing = [str(column) for column in columns if column.feature not in features]
    if missing:
        raise DatasetError(f"{root} lacks the columns of {', '.join(missing)}; fetch it anew")
    if not any(column.group == "actions" for column in columns):
        raise DatasetError(f"{root} has no column action; there is nothing to imitate in it")
    return Metadata(
        root=root,
        fps=fps,
        columns=columns,
        videos=videos,
        features=features,
        episodes=episodes,
        header=None if own is None else EpisodeHeader(**{key: own[key] for key in _HEADER_KEYS}),
        own=own_rows,
    )


_HEADER_KEYS = ("task", "specification", "metadata")


def read_json(path: Path) -> dict[str, Any]:
    """Reads a file of one JSON object.

    Raises:
        DatasetError: It is missing, or none.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}; is its folder a LeRobot data set?") from None
    except ValueError as error:
        raise DatasetError(f"{path} is no JSON ({error}); fetch the data set anew") from None
    if not isinstance(found, dict):
        raise DatasetError(f"{path} is no JSON object; fetch the data set anew")
    return found


def read_table(path: Path, columns: list[str] | None = None) -> Any:  # noqa: ANN401 - pyarrow's.
    """Reads a table.

    Raises:
        DatasetError: It is missing, damaged, or lacks a column.
    """
    pa, parquet = library("pyarrow"), library("pyarrow.parquet")
    try:
        return parquet.ParquetFile(path).read(columns=columns)
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise DatasetError(f"cannot read {path} ({reason}); fetch the data set anew") from None


def _own_columns(own: Mapping[str, Any]) -> tuple[Column, ...]:
    if not all(key in own for key in _HEADER_KEYS):
        raise ValueError(f"{layout.OWN_HEADER} lacks {', '.join(key for key in _HEADER_KEYS if key not in own)}")
    return tuple(Column(**{**column, "shape": tuple(column["shape"])}) for column in own["columns"])


def _within(root: Path, path: str) -> Path:
    """Refuses a path that leaves the data set."""
    found = (root / path).resolve()
    if not found.is_relative_to(root.resolve()):
        raise ValueError(f"{path} lies outside of it")
    return found


def _places(root: Path, info: Mapping[str, Any], videos: frozenset[str], fps: float) -> tuple[EpisodePlace, ...]:
    rows: list[dict[str, Any]] = []
    for path in sorted((root / layout.EPISODES.parts[0] / layout.EPISODES.parts[1]).rglob("*.parquet")):
        table = read_table(path)
        rows += table.select([name for name in table.column_names if not name.startswith("stats/")]).to_pylist()
    rows.sort(key=lambda row: row["episode_index"])
    if len(rows) != info["total_episodes"]:
        raise ValueError(f"info.json counts {info['total_episodes']} episodes, and {len(rows)} are listed")
    return tuple(
        EpisodePlace(
            number=int(row["episode_index"]),
            length=int(row["length"]),
            data=_within(root, info["data_path"].format(**_file_of(row, "data"))),
            instruction="; ".join(row.get("tasks") or ()),
            videos={
                name: Video(
                    path=_within(root, info["video_path"].format(video_key=name, **_file_of(row, f"videos/{name}"))),
                    first=round(row[f"videos/{name}/from_timestamp"] * fps),
                )
                for name in videos
            },
        )
        for row in rows
    )


def _file_of(row: Mapping[str, Any], prefix: str) -> dict[str, int]:
    return {key: int(row[f"{prefix}/{key}"]) for key in ("chunk_index", "file_index")}


def _old_places(root: Path, info: Mapping[str, Any], videos: frozenset[str], fps: float) -> tuple[EpisodePlace, ...]:
    """Version 2.1 has one table and one video of each camera an episode."""
    del fps
    text = (root / "meta/episodes.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    chunk = int(info.get("chunks_size", _OLD_CHUNK))
    places = []
    for row in sorted(rows, key=lambda row: row["episode_index"]):
        number = int(row["episode_index"])
        where = {"episode_chunk": number // chunk, "episode_index": number}
        places.append(
            EpisodePlace(
                number=number,
                length=int(row["length"]),
                data=_within(root, info["data_path"].format(**where)),
                instruction="; ".join(row.get("tasks") or ()),
                videos={
                    name: Video(path=_within(root, info["video_path"].format(video_key=name, **where)), first=0)
                    for name in videos
                },
            )
        )
    return tuple(places)
