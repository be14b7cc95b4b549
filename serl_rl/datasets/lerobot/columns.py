"""Maps the arrays of an episode to the columns of a LeRobot data set, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serl_client.episodes.files import Episode
from serl_rl.datasets.source import is_image
from serl_rl.errors import DatasetError

BOOKKEEPING: Mapping[str, str] = {
    "timestamp": "float32",
    "frame_index": "int64",
    "episode_index": "int64",
    "index": "int64",
    "task_index": "int64",
}
"""Columns of every data set, each a number a row, by type."""
IMAGES = "observation.images."
_OBSERVATION = "observation."
_STATE_KEYS = ("state", "qpos")
_STEPWISE = ("actions", "rewards", "interventions", "grasp_penalties", "extra_actions")
_PLAIN_FEATURES: Mapping[str, str] = {
    "actions": "action",
    "rewards": "next.reward",
    "interventions": "complementary_info.is_intervention",
    "grasp_penalties": "complementary_info.discrete_penalty",
    "stamps_ns": "capture_time_ns.reference",
}
_TABLE_PREFIXES: Mapping[str, str] = {
    "sensor_stamps_ns": "capture_time_ns.",
    "frame_numbers": "frame_number.",
    "sensors": "sensor.",
    "extra_actions": "extra_action.",
}


@dataclass(frozen=True)
class Column:
    """Says which array of an episode a column holds."""

    feature: str
    """Name of the column."""
    group: str
    """Field of `Episode`."""
    key: str
    """Key in that field; empty where the field is the array."""
    shape: tuple[int, ...]
    """Shape of one row."""
    dtype: str
    """NumPy's name of its type."""

    @property
    def is_stepwise(self) -> bool:
        """Whether it has as many rows as there are actions; else there is one more, which no frame has a place for."""
        return self.group in _STEPWISE

    @property
    def is_image(self) -> bool:
        """Whether its rows are pictures."""
        return self.feature.startswith(IMAGES)

    def of(self, episode: Episode) -> NDArray[Any]:
        """Returns the array of an episode.

        Raises:
            DatasetError: The episode lacks it, or has another shape or type there.
        """
        found = getattr(episode, self.group)
        if self.key:
            found = found.get(self.key)
        if found is None:
            raise DatasetError(f"has no {self}, which the first episode has; export such episodes by themselves")
        if found.shape[1:] != self.shape or found.dtype != np.dtype(self.dtype):
            raise DatasetError(
                f"has {self} of shape {found.shape[1:]} and type {found.dtype}, but the first episode {self.shape} and "
                f"{self.dtype}; export such episodes by themselves"
            )
        return found

    def __str__(self) -> str:
        return f"{self.group}[{self.key}]" if self.key else self.group


def columns_of(episode: Episode) -> tuple[Column, ...]:
    """Lists the columns that hold all arrays of an episode.

    Raises:
        DatasetError: Two would have one name, or pictures are stacks.
    """
    columns = tuple(_columns(episode))
    names = [column.feature for column in columns]
    for name in names:
        if names.count(name) > 1 or name in BOOKKEEPING:
            both = ", ".join(str(column) for column in columns if column.feature == name)
            raise DatasetError(f"{both} would be one column {name} of the data set; rename one of them")
    return columns


def _columns(episode: Episode) -> Iterator[Column]:
    for group, feature in _PLAIN_FEATURES.items():
        if getattr(episode, group) is not None:
            yield _column(feature, group, "", getattr(episode, group))
    state = next((key for key in _STATE_KEYS if key in episode.observations), None)
    for key, array in episode.observations.items():
        if array.ndim >= 5:
            raise DatasetError(f"observations[{key}] are stacks of pictures; record without a stack of frames")
        prefix = IMAGES if is_image(array) else _OBSERVATION
        yield _column(prefix + ("state" if key == state else _dotted(key)), "observations", key, array)
    for group, prefix in _TABLE_PREFIXES.items():
        for key, array in getattr(episode, group).items():
            yield _column(prefix + _dotted(key), group, key, array)


def _column(feature: str, group: str, key: str, array: NDArray[Any]) -> Column:
    return Column(feature, group, key, array.shape[1:], str(array.dtype))


def _dotted(key: str) -> str:
    """LeRobot makes folders of names."""
    return key.replace("/", ".")


def foreign_columns(features: Mapping[str, Mapping[str, Any]]) -> tuple[Column, ...]:
    """Guesses what the columns of a stranger's data set hold, from LeRobot's conventions."""
    columns = []
    for name, feature in features.items():
        if name in BOOKKEEPING or feature["dtype"] in ("string", "language"):
            continue
        shape = tuple(feature["shape"])
        if feature["dtype"] in ("video", "image"):
            size = (*shape[1:], 3) if shape[0] == 3 else shape
            columns.append(Column(name, "observations", name.removeprefix(IMAGES), size, "uint8"))
            continue
        group, key = _foreign_place(name)
        if group in ("rewards", "interventions", "grasp_penalties"):
            shape = ()
        if group:
            columns.append(Column(name, group, key, shape, feature["dtype"]))
    return tuple(columns)


def _foreign_place(name: str) -> tuple[str, str]:
    for group, feature in _PLAIN_FEATURES.items():
        if name == feature and group != "stamps_ns":
            return group, ""
    if name.startswith(_OBSERVATION):
        return "observations", name.removeprefix(_OBSERVATION)
    if name.startswith(("next.", "skew_ns.")) or name == "complementary_info.is_final":
        return "", ""
    return "sensors", name
