"""Defines the errors of learning runs.

RunError                         what a command prints, and then exits with 1
├── UsageError                   a wrong setting or file name; exit code 2
├── DivergedError                training whose losses are no numbers any more
├── CheckpointError              a checkpoint that is corrupt or foreign
├── RemotePolicyError             a policy server that does not answer, or serves a policy of another robot
├── DatasetError                 a data set that cannot be read or written
├── SpoolError                   the actor's spool cannot be read or belongs to another run
│   └── SpoolFullError           the disk under the spool is full
└── LearnerError                 what the learner refused, by `ErrorReason`
    ├── SpecMismatchError, ConfigMismatchError, VersionMismatchError, InvalidBatchError
    ├── SequenceGapError, NotJoinedError, ActorNameTakenError
    ├── TooManyStreamsError, BadTokenError, NotPermittedError, StorageFullError, LearnerInternalError
    └── LearnerUnreachableError  no answer at that address
"""

from __future__ import annotations

import errno
import os

from serl_api.errors.table import ApiError
from serl_api.sentence import SentenceError


class RunError(SentenceError):
    """Raised for something that a person must change; the text says what, in one sentence."""

    exit_code = 1


class UsageError(RunError, ValueError):
    """Raised for a setting, preset or file name that cannot be used."""

    exit_code = 2


class DivergedError(RunError):
    """A loss is NaN or infinite, and will never be a number again."""


class CheckpointError(RunError):
    """Raised for a checkpoint that is corrupt, incomplete or of another kind."""


class RemotePolicyError(RunError):
    """Raised for a policy server that is missing, gone, too slow, or serves a policy of another robot."""


class DatasetError(RunError):
    """Raised for a data set that is missing, foreign, truncated or lacks what is needed; nothing half written stays."""


class SpoolError(RunError):
    """Raised for a spool that cannot be read or that holds rows of another environment."""


class SpoolFullError(SpoolError):
    """Raised where the disk under the spool is full. Every row that was written before stays there."""


def sentence_of(error: OSError) -> str:
    """Says what the system refused, of which file, and what to do."""
    reason = error.strerror or str(error) or type(error).__name__
    where = "" if error.filename is None else f" of {os.fsdecode(error.filename)}"
    remedies = {
        errno.ENOSPC: "free space there, or choose another folder",
        errno.EDQUOT: "free space there, or choose another folder",
        errno.EROFS: "choose a folder that can be written to",
        errno.EACCES: "change its permissions, or choose another",
        errno.EPERM: "change its permissions, or choose another",
        errno.EMFILE: "raise the limit of open files (ulimit -n)",
    }
    return f"the system refused the use{where}: {reason}; {remedies.get(error.errno or 0, 'give another path')}"


class LearnerError(ApiError, RunError):
    """Raised where the learner refused a call."""


class SpecMismatchError(LearnerError):
    """Raised where the actor's environment differs from the learner's; the field and both values are named."""


class ConfigMismatchError(LearnerError):
    """Raised where a shared setting differs; the field and both values are named."""


class VersionMismatchError(LearnerError):
    """Raised where package versions do not fit."""


class InvalidBatchError(LearnerError):
    """Raised for a spec or actor id that cannot be used, and rows that do not fit the spec or hold a NaN."""


class SequenceGapError(LearnerError):
    """Raised where rows are missing before a batch; resend from the expected one."""


class NotJoinedError(LearnerError):
    """Raised where the learner does not know this actor yet; join first."""


class ActorNameTakenError(LearnerError):
    """Raised where another live actor uses this name."""


class TooManyStreamsError(LearnerError):
    """Raised where the learner serves as many streams as it allows."""


class BadTokenError(LearnerError):
    """Raised where the bearer token is missing or wrong."""


class NotPermittedError(LearnerError):
    """Raised when the token's role does not allow the call."""


class StorageFullError(LearnerError):
    """Raised where the disk under the learner's replay is full."""


class LearnerInternalError(LearnerError):
    """Raised for a bug in the learner; its log has the traceback."""


class LearnerUnreachableError(LearnerError):
    """Raised where no learner answers at the address."""
