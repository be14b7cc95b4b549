"""Defines the spool's rows as a structured type for each spec, and packs them into messages by column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from serl.learner.v1 import learner_service_pb2 as pb

from serl_rl.actor.spool import RowArray
from serl_rl.protocol.spec import EnvironmentSpec, SpecError
from serl_rl.protocol.tensors import data_type_of, dtype_of
from serl_rl.replay.rows import COLUMNS, RowBatch, rows_to_proto

_OBSERVATION = "observation."
# Spools that were written before have these first.
_FIRST = ("action", "reward", "episode_id", "step_index", "row_kind")
_IN_ORDER = sorted(COLUMNS, key=lambda entry: (*_FIRST, entry.spool_name).index(entry.spool_name))


def row_type(spec: EnvironmentSpec) -> np.dtype[Any]:
    """Derives the structured type of one row from a spec.

    Args:
        spec: The environment.

    Returns:
        One field an observation array, then what was done there.
    """
    observation = [
        (_OBSERVATION + entry.name, dtype_of(data_type_of(entry.dtype)), entry.shape) for entry in spec.observation
    ]
    return np.dtype([*observation, *((entry.spool_name, entry.dtype, entry.shape(spec)) for entry in _IN_ORDER)])


def make_row(
    dtype: np.dtype[Any], observation: Mapping[str, npt.NDArray[np.generic]], **values: npt.ArrayLike
) -> RowArray:
    """Makes one row.

    Args:
        dtype: Type from `row_type`.
        observation: Arrays by name.
        values: What was done there, by the spool's names of columns, such as `reward`; zero where it is left out.

    Returns:
        The row, shape ().

    Raises:
        SpecError: The observation lacks an array, has another one, or one of another shape or kind.
    """
    _check_observation(dtype, observation)
    row = np.zeros((), dtype)
    for name, value in observation.items():
        row[_OBSERVATION + name] = value
    for name, value in values.items():
        row[name] = value
    return row


def _check_observation(dtype: np.dtype[Any], observation: Mapping[str, npt.NDArray[np.generic]]) -> None:
    """Refuses what NumPy would make fit: a missing array as zeros, a small one repeated, fractions cut off."""
    wanted = [name.removeprefix(_OBSERVATION) for name in dtype.names or () if name.startswith(_OBSERVATION)]
    if set(wanted) != set(observation):
        raise SpecError(
            f"the environment observed {', '.join(sorted(observation)) or 'nothing'}, but its observation space holds "
            f"{', '.join(sorted(wanted))}; find out where an array was lost or added on the way"
        )
    for name in wanted:
        own, field = np.asarray(observation[name]), dtype[_OBSERVATION + name]
        casting = "same_kind" if field.base.kind == "f" else "safe"  # Larger integers would begin anew from zero.
        if own.shape != field.shape or not np.can_cast(own.dtype, field.base, casting):
            raise SpecError(
                f"the environment observed {name!r} as {own.dtype} of shape {own.shape}, but its observation space "
                f"says {field.base} of shape {field.shape}"
            )


def pack_rows(rows: RowArray, spec: EnvironmentSpec) -> pb.StepBatch:
    """Packs rows into a message, column by column.

    Args:
        rows: Rows of type `row_type(spec)`, shape (B,).
        spec: The environment.

    Returns:
        The message.
    """
    columns: dict[str, Any] = {entry.name: rows[entry.spool_name] for entry in COLUMNS}
    observations = {entry.name: rows[_OBSERVATION + entry.name] for entry in spec.observation}
    return rows_to_proto(RowBatch(observations=observations, **columns), spec)
