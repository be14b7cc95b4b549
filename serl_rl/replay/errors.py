"""Defines the errors of the replay.

ReplayError
├── InvalidRowsError     rows that do not fit the spec, or hold an action outside [-1, 1] or a NaN
├── RowGapError          rows are missing before a batch
├── EmptyReplayError     nothing can be sampled yet
├── ReplayFilesError     the directory holds another replay, is corrupt, or is in use
└── ReplayStorageError   the disk is full
"""

from __future__ import annotations

from serl_api.sentence import SentenceError


class ReplayError(SentenceError):
    """Raised for something that the replay refused; the text says what, in one sentence."""


class InvalidRowsError(ReplayError, ValueError):
    """Raised for rows that do not fit the spec. Nothing of the batch was stored.

    Args:
        field: Name of the offending array.
        message: One sentence.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class RowGapError(ReplayError):
    """Raised where rows are missing before a batch. Nothing of the batch was stored.

    Args:
        actor_id: Who sent the batch.
        expected: Sequence number that must come next.
        received: Sequence number of the batch's first row.
    """

    def __init__(self, actor_id: str, expected: int, received: int) -> None:
        super().__init__(
            f"rows {expected} to {received - 1} of actor {actor_id!r} are missing; send again from row {expected}"
        )
        self.expected = expected
        self.received = received


class EmptyReplayError(ReplayError):
    """Raised where no transition can be sampled yet."""


class ReplayFilesError(ReplayError):
    """Raised where the directory holds another replay, is corrupt, or is used by another process."""


class ReplayStorageError(ReplayError):
    """Raised where the disk is full. Everything acknowledged is still there."""
