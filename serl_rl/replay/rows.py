"""Defines rows, which are observations with their actions, and converts them to messages."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from serl.learner.v1 import learner_service_pb2

from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec
from serl_rl.protocol.tensors import TensorError, from_proto, to_proto
from serl_rl.replay.columns import SampledColumns, column, columns_of
from serl_rl.replay.errors import InvalidRowsError

if TYPE_CHECKING:
    from serl_client.episodes.files import Episode


class RowKind(enum.IntEnum):
    """Names the kinds of rows; the numbers are those of the schema."""

    STEP = learner_service_pb2.ROW_KIND_STEP
    TERMINATED = learner_service_pb2.ROW_KIND_TERMINATED
    TRUNCATED = learner_service_pb2.ROW_KIND_TRUNCATED
    FINAL = learner_service_pb2.ROW_KIND_FINAL


@dataclass(frozen=True, kw_only=True)
class RowBatch(SampledColumns[np.ndarray]):
    """Holds B rows of one actor, stacked.

    A row is one observation together with what was done there; its next observation is the following row's. An episode
    ends with one extra row of kind `FINAL` that holds only the last observation, and zeros. A column that may be left
    out is then all zeros.
    """

    observations: dict[str, np.ndarray]
    """One array for each entry of the spec's observation. Shape (B, ...)."""
    episode_ids: np.ndarray = field(metadata=column("<i8", "episode_id"))
    """Identifier of each row's episode, unique for the actor. Shape (B,), int64."""
    step_indices: np.ndarray = field(metadata=column("<i4", "step_index"))
    """Index of each row within its episode. A gap is the border of an episode. Shape (B,), int32."""
    row_kinds: np.ndarray = field(metadata=column("u1", "row_kind"))
    """Values of `RowKind`. Shape (B,), uint8."""
    actor_id: str = ""
    """Who made the rows; empty for rows that did not travel, such as demonstrations."""
    first_sequence_number: int | None = None
    """Sequence number of the first row, from 1; the others follow. None goes on after the actor's last row."""

    def __post_init__(self) -> None:
        for entry in COLUMNS:
            if entry.is_optional and getattr(self, entry.name) is None:
                object.__setattr__(self, entry.name, np.zeros(len(self), entry.dtype))

    def __len__(self) -> int:
        return len(self.row_kinds)

    def __getitem__(self, rows: slice) -> RowBatch:
        """Returns the rows of a slice with step 1, without copying."""
        start, _, step = rows.indices(len(self))
        if step != 1:
            raise IndexError(f"rows can be sliced only with step 1, not {step}")
        number = self.first_sequence_number
        return replace(
            self,
            **{entry.name: getattr(self, entry.name)[rows] for entry in COLUMNS},
            observations={name: array[rows] for name, array in self.observations.items()},
            first_sequence_number=None if number is None else number + start,
        )

    def check(self, spec: EnvironmentSpec) -> None:
        """Compares the rows with a spec.

        Raises:
            InvalidRowsError: An array has another type or shape, an action is outside [-1, 1], something is NaN or
                infinite, or rows of an episode go on after its end. The field, the place and the value are named.
        """
        _check_names(self.observations, spec)
        for array in spec.observation:
            _check_array(f"observations.{array.name}", self.observations[array.name], array, len(self))
        for entry in COLUMNS:
            wanted = ArraySpec(name=entry.name, dtype=entry.dtype, shape=entry.shape(spec))
            _check_array(entry.name, getattr(self, entry.name), wanted, len(self))
        _check_actions(self.actions)
        _check_kinds(self)


COLUMNS = columns_of(RowBatch)
"""All columns of a row but its observation."""


def rows_to_proto(rows: RowBatch, spec: EnvironmentSpec) -> learner_service_pb2.StepBatch:
    """Packs rows; the actor and the sequence number travel beside them."""
    arrays = {entry.name: getattr(rows, entry.name) for entry in COLUMNS}
    left_out = [entry.name for entry in COLUMNS if entry.is_optional and not arrays[entry.name].any()]
    return learner_service_pb2.StepBatch(
        observations=[to_proto(array.name, rows.observations[array.name]) for array in spec.observation],
        **{name: to_proto(name, array) for name, array in arrays.items() if name not in left_out},
    )


def rows_from_proto(
    message: learner_service_pb2.StepBatch,
    spec: EnvironmentSpec,
    *,
    actor_id: str = "",
    first_sequence_number: int | None = None,
) -> RowBatch:
    """Unpacks rows; whoever stores them checks them.

    Raises:
        InvalidRowsError: Arrays are missing, one's bytes do not fill its shape, or there is no count of rows.
    """
    if len(message.observations) != len(spec.observation):
        count = len(message.observations)
        raise InvalidRowsError("observations", f"{count} arrays, but the spec has {len(spec.observation)}; send each")
    if len(message.row_kinds.shape) != 1:
        shape = tuple(message.row_kinds.shape)
        raise InvalidRowsError("row_kinds", f"shape {shape}, which counts no rows; send one kind a row, shape (B,)")
    try:
        pairs = zip(spec.observation, message.observations, strict=True)
        return RowBatch(
            observations={array.name: from_proto(tensor) for array, tensor in pairs},
            **{
                entry.name: from_proto(getattr(message, entry.name))
                for entry in COLUMNS
                if not entry.is_optional or message.HasField(entry.name)  # pyright: ignore[reportArgumentType]
            },
            actor_id=actor_id,
            first_sequence_number=first_sequence_number,
        )
    except TensorError as error:
        raise InvalidRowsError("batch", str(error)) from error


def rows_from_episode(episode: Episode, episode_id: int) -> RowBatch:
    """Turns an episode of T steps into its T + 1 rows.

    An episode that ended neither by the task nor by the clock was broken off: its last step is like any other.
    """
    steps = len(episode.rewards)
    kinds = np.full(steps + 1, RowKind.STEP, dtype=np.uint8)
    kinds[-1] = RowKind.FINAL
    if steps and (episode.terminated or episode.truncated):
        kinds[-2] = RowKind.TERMINATED if episode.terminated else RowKind.TRUNCATED
    penalties = np.zeros(steps) if episode.grasp_penalties is None else episode.grasp_penalties
    return RowBatch(
        observations={name: np.asarray(array) for name, array in episode.observations.items()},
        actions=_with_final(episode.actions, np.float32),
        rewards=_with_final(episode.rewards, np.float32),
        episode_ids=np.full(steps + 1, episode_id, dtype=np.int64),
        step_indices=np.arange(steps + 1, dtype=np.int32),
        row_kinds=kinds,
        interventions=_with_final(episode.interventions, np.bool_),
        grasp_penalties=_with_final(penalties, np.float32),
    )


def _with_final(array: np.ndarray, dtype: type[np.generic]) -> np.ndarray:
    return np.concatenate([array, np.zeros_like(array[:1], shape=(1, *array.shape[1:]))]).astype(dtype)


def _check_names(observations: Mapping[str, np.ndarray], spec: EnvironmentSpec) -> None:
    expected = {array.name for array in spec.observation}
    if set(observations) != expected:
        raise InvalidRowsError("observations", f"named {sorted(observations)}, but the spec has {sorted(expected)}")


def _check_array(field: str, array: np.ndarray, spec: ArraySpec, count: int) -> None:
    if array.shape != (count, *spec.shape) or array.dtype != spec.dtype:
        expected = f"{spec.dtype} of shape {(count, *spec.shape)}"
        raise InvalidRowsError(field, f"is {array.dtype} of shape {array.shape}, but must be {expected}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        row = int(np.argwhere(~np.isfinite(array))[0][0])
        raise InvalidRowsError(field, f"row {row} holds a value that is NaN or infinite; find out where it comes from")


def _check_actions(actions: np.ndarray) -> None:
    outside = np.argwhere(np.abs(actions) > 1)
    if len(outside):
        row, component = (int(index) for index in outside[0])
        value = actions[row, component]
        raise InvalidRowsError(
            "actions", f"component {component} of row {row} is {value:.6g}, outside [-1, 1]; store the executed action"
        )


def _check_kinds(rows: RowBatch) -> None:
    kinds = rows.row_kinds
    unknown = np.flatnonzero((kinds < RowKind.STEP) | (kinds > RowKind.FINAL))
    if len(unknown):
        raise InvalidRowsError("row_kinds", f"row {unknown[0]} is of kind {kinds[unknown[0]]}; kinds are 1 to 4")
    same_episode = rows.episode_ids[1:] == rows.episode_ids[:-1]
    goes_on = (
        same_episode & (kinds[:-1] != RowKind.STEP) & ~((kinds[:-1] != RowKind.FINAL) & (kinds[1:] == RowKind.FINAL))
    )
    if goes_on.any():
        row = int(np.flatnonzero(goes_on)[0])
        ended, episode = RowKind(int(kinds[row])).name, rows.episode_ids[row]
        raise InvalidRowsError("row_kinds", f"episode {episode} goes on after its row {row} of kind {ended}")
