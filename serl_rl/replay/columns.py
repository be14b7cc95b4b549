"""Declares the columns of rows, which drive the spool, the wire, the replay's files and batches."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Generic, TypeVar

import numpy as np

from serl_rl.protocol.spec import EnvironmentSpec

Array = TypeVar("Array")


_ZEROS: Any = None


def column(dtype: str, spool_name: str, *, is_optional: bool = False) -> dict[str, Any]:
    """Makes a field's metadata that declare it a column; its name is that of its array on the wire and of its file.

    Args:
        dtype: Type of a number, little-endian.
        spool_name: Its name in a row of the spool.
        is_optional: Whether it may be left out, which means zeros; then it is sent only where it is not zero.
    """
    return {"dtype": np.dtype(dtype), "spool_name": spool_name, "is_optional": is_optional}


@dataclass(frozen=True, kw_only=True)
class SampledColumns(Generic[Array]):
    """Holds what rows, sampled transitions and the batches of updates all have; observations aside."""

    actions: Array = field(metadata=column("<f4", "action"))
    """Executed actions in [-1, 1]. Shape (..., A)."""
    rewards: Array = field(metadata=column("<f4", "reward"))
    """Shape (...)."""
    interventions: Array = field(metadata=column("?", "intervention"))
    """Whether a person chose the action. Shape (...)."""
    grasp_penalties: Array = field(default=_ZEROS, metadata=column("<f4", "grasp_penalty", is_optional=True))
    """Reward of the gripper alone; zero where the task has none. Shape (...)."""


@dataclass(frozen=True)
class Column:
    """Describes one column, as its field declares it."""

    name: str
    """Of its array on the wire, and of its file."""
    spool_name: str
    """In a row of the spool."""
    dtype: np.dtype[Any]
    """Type of a number."""
    is_optional: bool
    """Whether zeros may be left out."""

    def shape(self, spec: EnvironmentSpec) -> tuple[int, ...]:
        """Returns the shape in one row: that of an action, or ()."""
        return spec.action.shape if self.name == "actions" else ()


def columns_of(kind: type[SampledColumns[Any]]) -> tuple[Column, ...]:
    """Lists the columns that a class declares, those of its bases first."""
    return tuple(Column(entry.name, **entry.metadata) for entry in fields(kind) if "dtype" in entry.metadata)


SAMPLED = columns_of(SampledColumns)
"""Columns that batches have."""
