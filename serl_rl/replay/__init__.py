"""Stores rows of episodes once, and samples transitions from them."""

from serl_rl.replay.batch import TransitionBatch
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.errors import (
    EmptyReplayError,
    InvalidRowsError,
    ReplayError,
    ReplayFilesError,
    ReplayStorageError,
    RowGapError,
)
from serl_rl.replay.rows import RowBatch, RowKind, rows_from_episode

__all__ = [
    "EmptyReplayError",
    "InvalidRowsError",
    "ReplayBuffer",
    "ReplayError",
    "ReplayFilesError",
    "ReplayStorageError",
    "RowBatch",
    "RowGapError",
    "RowKind",
    "TransitionBatch",
    "rows_from_episode",
]
