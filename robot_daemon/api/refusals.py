"""Turns exceptions of servicer methods into gRPC statuses with a reason."""

import functools
import logging
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import grpc

from serl_api.errors.refusals import Refusals
from serl_api.errors.robot import (
    CONTROL_STREAM_ERRORS,
    ROBOT_ERRORS,
    AuthenticationError,
    DaemonError,
    DeviceUnavailableError,
    InvalidRequestError,
    PermissionDeniedError,
    RobotError,
)

logger = logging.getLogger(__name__)

REFUSALS = Refusals(
    table=ROBOT_ERRORS,
    bad_token=AuthenticationError("the bearer token is missing or wrong; send metadata `authorization: Bearer TOKEN`"),
    not_permitted=PermissionDeniedError,
    undecodable=lambda sentence: InvalidRequestError(sentence, field="request"),
)
"""What a daemon refuses before its servicers are asked."""


def as_refusal(error: Exception) -> RobotError:
    """Returns the refusal that a caller gets for an exception; logs the traceback of a bug."""
    if isinstance(error, DeviceUnavailableError) and "device" not in error.metadata:  # A driver does not know its name.
        return DeviceUnavailableError(str(error) or "a device does not answer at present; try again", device="cell")
    if isinstance(error, RobotError) and ROBOT_ERRORS.covers(error):
        return error
    logger.error("unexpected exception in a call", exc_info=error)
    return DaemonError("the daemon met a bug of its own; its log has the traceback")


Method = TypeVar("Method", bound=Callable[..., Any])


def refusing(method: Method) -> Method:
    """Decorates a unary servicer method: exceptions become a status with `ErrorInfo`."""

    @functools.wraps(method)
    def wrapper(self: object, request: object, context: grpc.ServicerContext) -> object:
        try:
            return method(self, request, context)
        except Exception as error:  # noqa: BLE001 - the top of a call; as_refusal logs what is a bug.
            refusal = as_refusal(error)
        return ROBOT_ERRORS.abort(context, refusal)

    return wrapper  # type: ignore[return-value]  # functools.wraps keeps the signature.


def refusing_stream(*, in_control_stream: bool = False) -> Callable[[Method], Method]:
    """Decorates a streaming servicer method: exceptions become a status with `ErrorInfo`."""
    table = CONTROL_STREAM_ERRORS if in_control_stream else ROBOT_ERRORS

    def decorate(method: Method) -> Method:
        @functools.wraps(method)
        def wrapper(self: object, request: object, context: grpc.ServicerContext) -> Iterator[object]:
            try:
                yield from method(self, request, context)
            except grpc.RpcError:  # The client is gone; nobody is left to be told.
                return
            except Exception as error:  # noqa: BLE001 - the top of a call; as_refusal logs what is a bug.
                refusal = as_refusal(error)
            else:
                return
            table.abort(context, refusal)

        return wrapper  # type: ignore[return-value]  # functools.wraps keeps the signature.

    return decorate
