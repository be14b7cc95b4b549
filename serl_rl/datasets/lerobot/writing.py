"""Writes episodes as a LeRobot data set of version 3.0, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from serl_client.episodes.files import Episode, EpisodeHeader
from serl_rl.artifacts.whole_folder import whole_folder
from serl_rl.datasets.lerobot import layout
from serl_rl.datasets.lerobot.columns import BOOKKEEPING, Column, columns_of
from serl_rl.datasets.lerobot.statistics import StatisticsCollector
from serl_rl.datasets.lerobot.tables import images_to_arrow, to_arrow
from serl_rl.datasets.lerobot.videos import VideoWriter, video_information
from serl_rl.datasets.libraries import library
from serl_rl.datasets.source import INSTRUCTION, OnEpisode, rate_of
from serl_rl.errors import DatasetError

Images = Literal["video", "png"]
_MB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class LeRobotOptions:
    """Says how a data set is written."""

    images: Images = "video"
    """Pictures as H.264, small and not exact, or as PNG, exact."""
    fps: int | None = None
    """Frames a second; None is the episodes' own rate."""
    robot_type: str | None = None
    """Name of the robot in info.json."""


def write_lerobot(
    path: Path,
    header: EpisodeHeader,
    episodes: Iterable[Episode],
    options: LeRobotOptions | None = None,
    on_episode: OnEpisode | None = None,
) -> int:
    """Writes episodes as a data set.

    A LeRobot data set has T rows for T actions; the observation after the last one lies in a table of its own beside
    them, with all that a data set has no place for, so that an import gives back what was exported, to the bit but for
    pictures in videos. Episodes without steps are left out.

    Args:
        path: Folder to make; it is there whole or not at all.
        header: What the episodes share.
        episodes: One at a time is in memory.
        options: How.
        on_episode: Told how far it is.

    Returns:
        Episodes written.

    Raises:
        DatasetError: There is no episode, an episode differs from the first, or a library is missing.
        OSError: The disk is full.
    """
    library("pyarrow.parquet")
    writer: _Writer | None = None
    with whole_folder(path) as folder, ExitStack() as files:
        for number, episode in enumerate(episodes):
            if len(episode):
                try:
                    writer = writer or _Writer(folder, header, episode, options or LeRobotOptions(), files)
                    writer.add(episode)
                except DatasetError as error:
                    raise DatasetError(f"episode {number} cannot be exported: {error}") from None
            if on_episode is not None:
                on_episode(number + 1)
        if writer is None:
            raise DatasetError("there is no episode with a step to export; record some first")
        files.close()
        writer.finish()
        return writer.episodes


class _Writer:
    def __init__(
        self, folder: Path, header: EpisodeHeader, first: Episode, options: LeRobotOptions, files: ExitStack
    ) -> None:
        self._folder, self._header, self._options, self._files = folder, header, options, files
        self._fps = _fps(first, options)
        self._columns = columns_of(first)
        self._has_videos = options.images == "video" and any(column.is_image for column in self._columns)
        self._statistics = StatisticsCollector()
        self._tasks: dict[str, int] = {}
        self._rows: list[dict[str, Any]] = []
        self._own_rows: list[dict[str, Any]] = []
        self._data: Any = None
        self._data_file = -1
        self._videos: dict[str, VideoWriter] = {}
        self._video_files: dict[str, int] = {}
        self._frames = 0

    @property
    def episodes(self) -> int:
        return len(self._rows)

    def add(self, episode: Episode) -> None:
        steps = len(episode)
        arrays = {column: column.of(episode) for column in self._columns}
        task = str(episode.metadata.get(INSTRUCTION, self._header.task))
        row: dict[str, Any] = {
            "episode_index": self.episodes,
            "tasks": [task],
            "length": steps,
            "dataset_from_index": self._frames,
            "dataset_to_index": self._frames + steps,
            "meta/episodes/chunk_index": 0,
            "meta/episodes/file_index": 0,
        }
        table: dict[str, Any] = {}
        for column, array in arrays.items():
            if column.is_image:
                row |= self._add_images(column, array[:steps], table)
            else:
                self._add_numbers(column.feature, array[:steps], table, row)
        for name, array in (_derived(episode) | self._bookkeeping(steps, task)).items():
            self._add_numbers(name, array, table, row)
        self._write_data(table, row)
        self._rows.append(row)
        self._own_rows.append(_own_row(episode, arrays))
        self._frames += steps

    def finish(self) -> None:
        pa, parquet = library("pyarrow"), library("pyarrow.parquet")
        path = self._folder / layout.EPISODES
        path.parent.mkdir(parents=True)
        parquet.write_table(pa.Table.from_pylist(self._rows), path)
        parquet.write_table(self._own_table(), self._folder / layout.OWN_EPISODES)
        tasks = pa.table({"task_index": list(self._tasks.values()), "task": list(self._tasks)})
        parquet.write_table(tasks.replace_schema_metadata(_pandas_index()), self._folder / layout.TASKS)
        self._write_json(layout.STATISTICS, self._statistics.of_all())
        own = {
            "task": self._header.task,
            "specification": dict(self._header.specification),
            "metadata": dict(self._header.metadata),
            "columns": [asdict(column) for column in self._columns],
        }
        self._write_json(layout.OWN_HEADER, own)
        self._write_json(layout.INFO, self._information())

    def _bookkeeping(self, steps: int, task: str) -> dict[str, NDArray[Any]]:
        frames = np.arange(steps)
        values = {
            "timestamp": frames / self._fps,
            "frame_index": frames,
            "episode_index": np.full(steps, self.episodes),
            "index": self._frames + frames,
            "task_index": np.full(steps, self._tasks.setdefault(task, len(self._tasks))),
        }
        return {name: value.astype(BOOKKEEPING[name]) for name, value in values.items()}

    def _add_numbers(self, name: str, array: NDArray[Any], table: dict[str, Any], row: dict[str, Any]) -> None:
        table[name] = to_arrow(array)
        row |= _flat_statistics(name, self._statistics.add(name, array))

    def _add_images(self, column: Column, images: NDArray[np.uint8], table: dict[str, Any]) -> dict[str, Any]:
        name = column.feature
        found = _flat_statistics(name, self._statistics.add_images(name, images))
        if not self._has_videos:
            table[name] = images_to_arrow(images)
            return found
        video = self._video(name, column.shape[:2])
        begin = video.frames
        video.add(images)
        places: dict[str, float] = {
            f"videos/{name}/{key}": value for key, value in layout.place(self._video_files[name]).items()
        }
        places[f"videos/{name}/from_timestamp"] = begin / self._fps
        places[f"videos/{name}/to_timestamp"] = video.frames / self._fps
        return found | places

    def _video(self, name: str, size: tuple[int, ...]) -> VideoWriter:
        video = self._videos.get(name)
        if video is None or video.size_bytes >= layout.VIDEO_FILE_MB * _MB:
            if video is not None:
                video.close()
            number = self._video_files[name] = self._video_files.get(name, -1) + 1
            path = self._folder / layout.VIDEO_PATH.format(video_key=name, **layout.place(number))
            video = self._files.enter_context(VideoWriter(path, self._fps, (size[0], size[1])))
            self._videos[name] = video
        return video

    def _write_data(self, table: dict[str, Any], row: dict[str, Any]) -> None:
        pa, parquet = library("pyarrow"), library("pyarrow.parquet")
        rows = pa.table(table)
        if self._data is None or self._data_path().stat().st_size >= layout.DATA_FILE_MB * _MB:
            if self._data is not None:
                self._data.close()
            self._data_file += 1
            self._data_path().parent.mkdir(parents=True, exist_ok=True)
            self._data = self._files.enter_context(parquet.ParquetWriter(self._data_path(), rows.schema))
        self._data.write_table(rows)
        row |= {f"data/{key}": value for key, value in layout.place(self._data_file).items()}

    def _data_path(self) -> Path:
        return self._folder / layout.DATA_PATH.format(**layout.place(self._data_file))

    def _own_table(self) -> Any:  # noqa: ANN401 - pyarrow's.
        pa = library("pyarrow")
        columns: dict[str, Any] = {}
        for name in self._own_rows[0]:
            values = [row[name] for row in self._own_rows]
            if not isinstance(values[0], np.ndarray):
                columns[name] = pa.array(values)
            elif any(column.feature == name and column.is_image for column in self._columns):
                columns[name] = images_to_arrow(np.stack(values))
            else:
                columns[name] = to_arrow(np.stack(values))
        return pa.table(columns)

    def _information(self) -> dict[str, Any]:
        return {
            "codebase_version": layout.VERSION,
            "robot_type": self._options.robot_type,
            "total_episodes": self.episodes,
            "total_frames": self._frames,
            "total_tasks": len(self._tasks),
            "chunks_size": layout.CHUNK_FILES,
            "data_files_size_in_mb": layout.DATA_FILE_MB,
            "video_files_size_in_mb": layout.VIDEO_FILE_MB,
            "fps": self._fps,
            "splits": {"train": f"0:{self.episodes}"},
            "data_path": layout.DATA_PATH,
            "video_path": layout.VIDEO_PATH if self._has_videos else None,
            "features": self._features(),
        }

    def _features(self) -> dict[str, Any]:
        features: dict[str, Any] = {}
        for column in self._columns:
            size = column.shape[:2]
            if column.is_image:
                features[column.feature] = {
                    "dtype": "video" if self._has_videos else "image",
                    "shape": list(column.shape),
                    "names": ["height", "width", "channels"],
                }
                if self._has_videos:
                    features[column.feature]["info"] = video_information(self._fps, (size[0], size[1]))
            else:
                features[column.feature] = _feature(column.dtype, column.shape, self._names_of(column))
        for name, dtype in _derived_types(self._columns).items():
            features[name] = _feature(dtype, (), None)
        return features | {name: _feature(dtype, (), None) for name, dtype in BOOKKEEPING.items()}

    def _names_of(self, column: Column) -> list[str] | None:
        names = {
            "observation.state": self._header.specification.get("state_components"),
            "action": self._header.specification.get("action_components"),
        }.get(column.feature)
        return names if names and column.shape == (len(names),) else None

    def _write_json(self, path: Path, values: Any) -> None:  # noqa: ANN401 - what JSON can be.
        (self._folder / path).write_text(json.dumps(values, indent=1, allow_nan=False), encoding="utf-8")


def _fps(episode: Episode, options: LeRobotOptions) -> int:
    if options.fps is not None:
        return options.fps
    rate_hz = rate_of(episode)
    if abs(rate_hz - round(rate_hz)) > 1e-3 or rate_hz < 1:
        raise DatasetError(f"it runs at {rate_hz:g} Hz, and LeRobot wants whole frames a second; give --fps")
    return round(rate_hz)


def _derived(episode: Episode) -> dict[str, NDArray[Any]]:
    """Returns columns for others to read: how the episode ended, and how far each sensor was from the instant."""
    steps = len(episode)
    is_last = np.arange(steps) == steps - 1
    columns: dict[str, NDArray[Any]] = {
        "next.done": is_last & (episode.terminated or episode.truncated),
        "next.truncated": is_last & episode.truncated,
        "next.success": is_last & episode.success,
    }
    for sensor, stamps_ns in episode.sensor_stamps_ns.items():
        columns[f"skew_ns.{sensor.replace('/', '.')}"] = (stamps_ns - episode.stamps_ns)[:steps]
    return columns


def _derived_types(columns: Iterable[Column]) -> dict[str, str]:
    ends = dict.fromkeys(("next.done", "next.truncated", "next.success"), "bool")
    sensors = (column.key.replace("/", ".") for column in columns if column.group == "sensor_stamps_ns")
    return ends | {f"skew_ns.{sensor}": "int64" for sensor in sensors}


def _feature(dtype: str, shape: tuple[int, ...], names: list[str] | None) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape) or [1], "names": names}


def _flat_statistics(name: str, values: dict[str, list[Any]]) -> dict[str, Any]:
    return {f"stats/{name}/{key}": value for key, value in values.items()}


def _own_row(episode: Episode, arrays: dict[Column, NDArray[Any]]) -> dict[str, Any]:
    return {
        "terminated": bool(episode.terminated),
        "truncated": bool(episode.truncated),
        "success": bool(episode.success),
        "control_rate_hz": episode.control_rate_hz if episode.control_rate_hz is not None else float("nan"),
        "metadata": json.dumps(dict(episode.metadata)),
        **{column.feature: array[-1] for column, array in arrays.items() if not column.is_stepwise},
    }


def _pandas_index() -> dict[str, str]:
    """Says to pandas that the texts are the index; without it LeRobot takes a task's number for its text."""
    columns = [
        {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": numpy_type, "metadata": None}
        for name, kind, numpy_type in (("task_index", "int64", "int64"), ("task", "unicode", "object"))
    ]
    about = {"index_columns": ["task"], "column_indexes": [], "columns": columns, "pandas_version": "2.0.0"}
    return {"pandas": json.dumps(about)}
