"""Reads the episodes of a LeRobot data set, whole or picture by picture."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serl_client.episodes.files import Episode, EpisodeHeader
from serl_rl.datasets.lerobot.columns import Column
from serl_rl.datasets.lerobot.metadata import EpisodePlace, read_metadata, read_table
from serl_rl.datasets.lerobot.tables import to_images, to_numpy
from serl_rl.datasets.lerobot.videos import read_frames
from serl_rl.datasets.source import (
    INSTRUCTION,
    NOMINAL_STAMPS,
    REPEATED_FINAL,
    nominal_stamps_ns,
)
from serl_rl.errors import DatasetError

_ENDS = ("next.done", "next.truncated", "next.success")


class LeRobotSource:
    """Reads a LeRobot data set of version 3.0 or 2.1; an `EpisodeSource`.

    What was exported from here comes back as it was. A stranger's data set has no observation after the last action,
    and none is made up: the last row gives only its observation. Where the task ended the episode, nothing is learned
    from what comes after; there the last observation is repeated, and no reward is lost.

    Args:
        path: Its folder.

    Raises:
        DatasetError: It is missing, damaged, of another version, or lacks actions.
    """

    def __init__(self, path: Path) -> None:
        self._about = read_metadata(path)
        self._columns = {column.feature: column for column in self._about.columns}
        self._numbers = lru_cache(maxsize=2)(self._read_numbers)
        self._pictures = lru_cache(maxsize=1)(self._read_pictures)
        self._keeps_last = [self._is_whole(place) for place in self._about.episodes]

    def __reduce__(self) -> tuple[Any, ...]:
        """Lets a process that loads batches open it anew."""
        return LeRobotSource, (self._about.root,)

    @property
    def header(self) -> EpisodeHeader:
        """Returns what all episodes share."""
        if self._about.header is not None:
            return self._about.header
        observations = {
            column.key: [list(column.shape), column.dtype]
            for column in sorted(self._about.columns, key=lambda column: column.key)
            if column.group == "observations"
        }
        action = next(column for column in self._about.columns if column.group == "actions")
        specification: dict[str, Any] = {
            "observations": observations,
            "action": [list(action.shape), action.dtype],
        }
        names = self._about.features.get("observation.state", {}).get("names")
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            specification["state_components"] = names
        return EpisodeHeader(task="", specification=specification)

    @property
    def lengths(self) -> Sequence[int]:
        """Returns the number of steps of each episode."""
        pairs = zip(self._about.episodes, self._keeps_last, strict=True)
        return [place.length if keeps else place.length - 1 for place, keeps in pairs]

    def episode(self, number: int, *, images: bool = True) -> Episode:
        """Reads an episode.

        Raises:
            DatasetError: It is damaged.
        """
        with self._damage_told(number):
            arrays: dict[str, dict[str, NDArray[Any]]] = {}
            for column in self._about.columns:
                if images or not column.is_image:
                    array = self._rows(number, column)
                    arrays.setdefault(column.group, {})[column.key] = self._completed(number, column, array)
            given: dict[str, Any] = {group: found.get("", found) for group, found in arrays.items()}
            if self._about.own is not None:
                return self._own_episode(number, given)
            return self._foreign(self._about.episodes[number], given)

    def images(self, number: int, index: int, cameras: Sequence[str]) -> dict[str, NDArray[np.uint8]]:
        """Reads the pictures of one observation.

        Raises:
            DatasetError: They are damaged, or there is no such camera.
        """
        place = self._about.episodes[number]
        columns = {column.key: column for column in self._about.columns if column.is_image}
        found = {}
        for camera in cameras:
            if camera not in columns:
                raise DatasetError(
                    f"{self._about.root} has no camera {camera!r}; it has {', '.join(columns) or 'no pictures'}"
                )
            with self._damage_told(number):
                found[camera] = self._image(place, number, index, columns[camera])
        return found

    @contextlib.contextmanager
    def _damage_told(self, number: int) -> Iterator[None]:
        """Says of which episode values are that no library could make sense of."""
        try:
            yield
        except (KeyError, TypeError, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise DatasetError(f"episode {number} of {self._about.root} is damaged ({reason}); fetch it anew") from None

    def _image(self, place: EpisodePlace, number: int, index: int, column: Column) -> NDArray[np.uint8]:
        if index == place.length:
            if self._about.own is not None:
                return self._own_value(number, column)
            index -= 1
        if column.feature in self._about.videos:
            video = place.videos[column.feature]
            return read_frames(video.path, video.first + index, 1, self._about.fps)[0]
        return self._pictures(number, column)[index]

    def _rows(self, number: int, column: Column) -> NDArray[Any]:
        """Returns the column's rows of an episode."""
        place = self._about.episodes[number]
        if column.feature in self._about.videos:
            video = place.videos[column.feature]
            return read_frames(video.path, video.first, place.length, self._about.fps)
        if column.is_image:
            return self._pictures(number, column)
        return self._number_rows(place, column.feature, column.shape, column.dtype)

    def _number_rows(self, place: EpisodePlace, name: str, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
        begin = self._begin(place)
        table = self._numbers(place.data)
        where = f"{place.data}, column {name}"
        if name not in table.column_names:
            raise DatasetError(f"{where} is missing; fetch the data set anew")
        return to_numpy(table[name].slice(begin, place.length), shape, dtype, where)

    def _begin(self, place: EpisodePlace) -> int:
        """Returns the row of the table at which an episode begins."""
        table = self._numbers(place.data)
        rows = np.flatnonzero(table["episode_index"].to_numpy() == place.number)
        if len(rows) != place.length or rows[-1] - rows[0] != len(rows) - 1:
            raise DatasetError(
                f"{place.data} has {len(rows)} rows of episode {place.number}, not {place.length} in one piece; fetch "
                "the data set anew"
            )
        return int(rows[0])

    def _read_numbers(self, path: Path) -> Any:  # noqa: ANN401 - pyarrow's.
        packed = {name for name, feature in self._about.features.items() if feature["dtype"] in ("image", "video")}
        names = [name for name in self._about.features if name not in packed]
        table = read_table(path, names)
        if "episode_index" not in table.column_names:
            raise DatasetError(f"{path} has no column episode_index; fetch the data set anew")
        return table

    def _read_pictures(self, number: int, column: Column) -> NDArray[np.uint8]:
        place = self._about.episodes[number]
        rows = read_table(place.data, [column.feature])[column.feature].slice(self._begin(place), place.length)
        return to_images(rows, column.shape, f"{place.data}, column {column.feature}")

    def _completed(self, number: int, column: Column, array: NDArray[Any]) -> NDArray[Any]:
        """Appends the observation after the last action, or drops the action that has none after it."""
        if self._about.own is not None:
            return array if column.is_stepwise else np.concatenate([array, self._own_value(number, column)[None]])
        if self._keeps_last[number]:
            return array if column.is_stepwise else np.concatenate([array, array[-1:]])
        return array[:-1] if column.is_stepwise else array

    def _own_value(self, number: int, column: Column) -> NDArray[Any]:
        cell = self._about.own[column.feature].slice(number, 1)
        where = f"the last observations of {self._about.root}, column {column.feature}"
        if column.is_image:
            return to_images(cell, column.shape, where)[0]
        return to_numpy(cell, column.shape, column.dtype, where)[0]

    def _own_episode(self, number: int, given: dict[str, Any]) -> Episode:
        row = self._about.own.select(["terminated", "truncated", "success", "control_rate_hz", "metadata"])
        values = row.slice(number, 1).to_pylist()[0]
        rate_hz = values.pop("control_rate_hz")
        metadata = json.loads(values.pop("metadata"))
        return Episode(**given, **values, metadata=metadata, control_rate_hz=None if rate_hz != rate_hz else rate_hz)

    def _foreign(self, place: EpisodePlace, given: dict[str, Any]) -> Episode:
        steps = len(given["actions"])
        ends = {name: self._last_flag(place, name) for name in _ENDS}
        is_repeated = steps == place.length
        rewards = given.pop("rewards", np.zeros(steps)).astype(np.float64)
        # Without a word on it a demonstration is one: who records failures says so.
        has_word = "next.success" in self._about.features
        metadata = {NOMINAL_STAMPS: True, INSTRUCTION: place.instruction}
        return Episode(
            **given | {"interventions": given.get("interventions", np.ones(steps, np.bool_))},
            rewards=rewards,
            terminated=is_repeated,
            truncated=ends["next.truncated"] and not is_repeated,
            success=ends["next.success"] if has_word else True,
            stamps_ns=nominal_stamps_ns(steps + 1, self._about.fps),
            metadata=metadata | ({REPEATED_FINAL: True} if is_repeated else {}),
            control_rate_hz=self._about.fps,
        )

    def _is_whole(self, place: EpisodePlace) -> bool:
        """Whether the last action counts: what comes after it is known, or does not matter."""
        if self._about.own is not None:
            return True
        return self._last_flag(place, "next.done") and not self._last_flag(place, "next.truncated")

    def _last_flag(self, place: EpisodePlace, name: str) -> bool:
        if name not in self._about.features:
            return False
        return bool(self._number_rows(place, name, (), "bool")[-1])
