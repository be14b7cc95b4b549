"""Turns the learner's refusals into statuses, and statuses back into exceptions."""

from __future__ import annotations

from typing import Any

import grpc

from serl_api.errors.table import ErrorTable
from serl_rl import errors

LEARNER_ERRORS: ErrorTable[errors.LearnerError] = ErrorTable(
    "learner.serl",
    {
        "SPEC_MISMATCH": (grpc.StatusCode.FAILED_PRECONDITION, errors.SpecMismatchError),
        "CONFIG_MISMATCH": (grpc.StatusCode.FAILED_PRECONDITION, errors.ConfigMismatchError),
        "VERSION_MISMATCH": (grpc.StatusCode.FAILED_PRECONDITION, errors.VersionMismatchError),
        "INVALID_BATCH": (grpc.StatusCode.INVALID_ARGUMENT, errors.InvalidBatchError),
        "SEQUENCE_GAP": (grpc.StatusCode.OUT_OF_RANGE, errors.SequenceGapError),
        "NOT_JOINED": (grpc.StatusCode.FAILED_PRECONDITION, errors.NotJoinedError),
        "ACTOR_NAME_TAKEN": (grpc.StatusCode.ALREADY_EXISTS, errors.ActorNameTakenError),
        "TOO_MANY_STREAMS": (grpc.StatusCode.RESOURCE_EXHAUSTED, errors.TooManyStreamsError),
        "BAD_TOKEN": (grpc.StatusCode.UNAUTHENTICATED, errors.BadTokenError),
        "NOT_PERMITTED": (grpc.StatusCode.PERMISSION_DENIED, errors.NotPermittedError),
        "STORAGE_FULL": (grpc.StatusCode.RESOURCE_EXHAUSTED, errors.StorageFullError),
        "INTERNAL": (grpc.StatusCode.INTERNAL, errors.LearnerInternalError),
    },
)
"""Status and exception of each `serl.learner.v1.ErrorReason`."""


def learner_error(error: grpc.RpcError, address: str) -> errors.LearnerError:
    """Turns a failed call into the exception of its reason."""
    if (known := LEARNER_ERRORS.exception_of(error)) is not None:
        return known
    call: Any = error
    return errors.LearnerUnreachableError(f"the learner at {address} does not answer ({call.details()})")
