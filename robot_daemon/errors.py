"""Refusals of the daemon, and the one table from reason to gRPC status.

DaemonError
├── InvalidTargetError      ├── InvalidRequestError     ├── LimitExceededError      ├── ControlHeldError
├── ArmFaultedError         ├── StopLatchedError        ├── WrongModeError          ├── UnknownNameError
├── NotEquippedError        ├── DeviceSilentError       ├── TooManyStreamsError     ├── BadTokenError
├── DrainingError           └── InternalError
"""

import functools
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, NoReturn, TypeVar

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from serl.robot.v1 import error_reason_pb2 as reasons

from robot_daemon.hardware.devices import DeviceUnavailableError

logger = logging.getLogger(__name__)

DOMAIN = "robot.serl"

STATUS: dict[int, grpc.StatusCode] = {
    reasons.ERROR_REASON_INVALID_TARGET: grpc.StatusCode.INVALID_ARGUMENT,
    reasons.ERROR_REASON_INVALID_REQUEST: grpc.StatusCode.INVALID_ARGUMENT,
    reasons.ERROR_REASON_LIMIT_EXCEEDED: grpc.StatusCode.OUT_OF_RANGE,
    reasons.ERROR_REASON_CONTROL_HELD: grpc.StatusCode.FAILED_PRECONDITION,
    reasons.ERROR_REASON_ARM_FAULTED: grpc.StatusCode.FAILED_PRECONDITION,
    reasons.ERROR_REASON_STOP_LATCHED: grpc.StatusCode.FAILED_PRECONDITION,
    reasons.ERROR_REASON_WRONG_MODE: grpc.StatusCode.FAILED_PRECONDITION,
    reasons.ERROR_REASON_UNKNOWN_NAME: grpc.StatusCode.NOT_FOUND,
    reasons.ERROR_REASON_NOT_EQUIPPED: grpc.StatusCode.UNIMPLEMENTED,
    reasons.ERROR_REASON_DEVICE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    reasons.ERROR_REASON_TOO_MANY_STREAMS: grpc.StatusCode.RESOURCE_EXHAUSTED,
    reasons.ERROR_REASON_BAD_TOKEN: grpc.StatusCode.UNAUTHENTICATED,
    reasons.ERROR_REASON_DRAINING: grpc.StatusCode.UNAVAILABLE,
    reasons.ERROR_REASON_INTERNAL: grpc.StatusCode.INTERNAL,
}
"""Status of each reason; `CONTROL_STREAM_STATUS` differs for what ends a control stream."""

CONTROL_STREAM_STATUS: dict[int, grpc.StatusCode] = STATUS | {
    reasons.ERROR_REASON_ARM_FAULTED: grpc.StatusCode.ABORTED,
    reasons.ERROR_REASON_STOP_LATCHED: grpc.StatusCode.ABORTED,
}
"""Status of each reason inside `RobotService.Control`."""


class DaemonError(Exception):
    """A refusal: one sentence for people, a reason and its metadata for programs."""

    reason: ClassVar[int] = reasons.ERROR_REASON_INTERNAL

    def __init__(self, message: str, **metadata: str) -> None:
        super().__init__(message)
        self.metadata = metadata

    @property
    def reason_name(self) -> str:
        """The reason as `google.rpc.ErrorInfo` carries it, such as "ARM_FAULTED"."""
        name = reasons.ErrorReason.Name(reasons.ErrorReason.ValueType(self.reason))
        return name.removeprefix("ERROR_REASON_")


class InvalidTargetError(DaemonError):
    """A target that no limit can repair: NaN, wrong length, no unit quaternion."""

    reason = reasons.ERROR_REASON_INVALID_TARGET

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message, field=field)


class InvalidRequestError(DaemonError):
    """A malformed request."""

    reason = reasons.ERROR_REASON_INVALID_REQUEST

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message, field=field)


class LimitExceededError(DaemonError):
    """A value outside a limit that is refused rather than clipped."""

    reason = reasons.ERROR_REASON_LIMIT_EXCEEDED

    def __init__(self, *, field: str, value: float, lower: float, upper: float, unit: str = "", hint: str = "") -> None:
        suffix = f" {unit}" if unit else ""
        help_text = f"; {hint}" if hint else ""
        super().__init__(
            f"{field} is {value:.6g}{suffix}, outside {lower:.6g} to {upper:.6g}{suffix}{help_text}",
            field=field,
            value=repr(value),
            lower=repr(lower),
            upper=repr(upper),
        )


class ControlHeldError(DaemonError):
    """Another client holds the control session."""

    reason = reasons.ERROR_REASON_CONTROL_HELD

    def __init__(self, *, holder: str, peer: str) -> None:
        text = f'"{holder}" at {peer} holds the control session; close it there, or wait until it ends'
        super().__init__(text, holder=holder, peer=peer)


class ArmFaultedError(DaemonError):
    """A critical fault is active, or a hand is on the arm."""

    reason = reasons.ERROR_REASON_ARM_FAULTED

    def __init__(
        self, *, fault_ids: Sequence[str], text: str, black_box: str = "", needs_recovery: bool = True
    ) -> None:
        joined = ",".join(fault_ids)
        recorded = {"black_box": black_box} if black_box else {}
        super().__init__(
            f"the arm is faulted ({joined}): {text}; recover from the fault, then go on"
            if needs_recovery
            else f"a hand is on the arm ({joined}): {text}",
            faults=joined,
            **recorded,
        )


class StopLatchedError(DaemonError):
    """`Stop` is latched."""

    reason = reasons.ERROR_REASON_STOP_LATCHED

    def __init__(self, *, stopped_by: str, text: str = "") -> None:
        why = f": {text}" if text else ""
        super().__init__(
            f'"{stopped_by}" stopped the arm{why}; nothing moves until `serl-robot stop --clear` releases it',
            stopped_by=stopped_by,
        )


class WrongModeError(DaemonError):
    """Not possible in the present mode."""

    reason = reasons.ERROR_REASON_WRONG_MODE

    def __init__(self, message: str, *, mode: str) -> None:
        super().__init__(message, mode=mode)


class UnknownNameError(DaemonError):
    """No camera, task, object or fault of that name."""

    reason = reasons.ERROR_REASON_UNKNOWN_NAME

    def __init__(self, kind: str, *, name: str, available: Sequence[str]) -> None:
        listed = ", ".join(available) or "none"
        super().__init__(f'there is no {kind} "{name}"; available: {listed}', name=name, available=",".join(available))


class NotEquippedError(DaemonError):
    """This cell lacks the hardware or the control mode."""

    reason = reasons.ERROR_REASON_NOT_EQUIPPED

    def __init__(self, message: str, *, capability: str) -> None:
        super().__init__(message, capability=capability)


class DeviceSilentError(DaemonError):
    """A device does not deliver at present."""

    reason = reasons.ERROR_REASON_DEVICE_UNAVAILABLE

    def __init__(self, message: str, *, device: str) -> None:
        super().__init__(message, device=device)


class TooManyStreamsError(DaemonError):
    """The daemon serves as many streams as it allows."""

    reason = reasons.ERROR_REASON_TOO_MANY_STREAMS

    def __init__(self, kind: str, *, limit: int) -> None:
        super().__init__(f"{limit} {kind} streams are open, as many as allowed; close one first", limit=str(limit))


class BadTokenError(DaemonError):
    """The bearer token is missing or wrong."""

    reason = reasons.ERROR_REASON_BAD_TOKEN

    def __init__(self) -> None:
        super().__init__("the bearer token is missing or wrong; send metadata `authorization: Bearer TOKEN`")


class DrainingError(DaemonError):
    """The daemon is shutting down."""

    reason = reasons.ERROR_REASON_DRAINING

    def __init__(self) -> None:
        super().__init__("the daemon is shutting down; the arm holds; connect again once it is back")


class InternalError(DaemonError):
    """A bug in the daemon."""

    def __init__(self) -> None:
        super().__init__("the daemon met a bug of its own; its log has the traceback")


def to_status(error: DaemonError, *, in_control_stream: bool = False) -> grpc.Status:
    """The gRPC status of a refusal, with one `google.rpc.ErrorInfo` in its details."""
    table = CONTROL_STREAM_STATUS if in_control_stream else STATUS
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason=error.reason_name, domain=DOMAIN, metadata=error.metadata))
    code = table[error.reason].value[0]
    return rpc_status.to_status(status_pb2.Status(code=code, message=str(error), details=[detail]))


def abort(context: grpc.ServicerContext, error: DaemonError, *, in_control_stream: bool = False) -> NoReturn:
    """Ends a call with a refusal. Raises, as grpc demands."""
    context.abort_with_status(to_status(error, in_control_stream=in_control_stream))
    raise AssertionError("abort_with_status returned")


def as_refusal(error: Exception) -> DaemonError:
    """The refusal that a caller gets for an exception; logs the traceback of a bug."""
    if isinstance(error, DaemonError):
        return error
    if isinstance(error, DeviceUnavailableError):
        return DeviceSilentError(str(error) or "a device does not answer at present; try again", device="cell")
    logger.error("unexpected exception in a call", exc_info=error)
    return InternalError()


Method = TypeVar("Method", bound=Callable[..., Any])


def refusing(method: Method) -> Method:
    """Decorates a unary servicer method: exceptions become a status with `ErrorInfo`."""

    @functools.wraps(method)
    def wrapper(self: object, request: object, context: grpc.ServicerContext) -> object:
        try:
            return method(self, request, context)
        except Exception as error:  # noqa: BLE001 - the top of a call; as_refusal logs what is a bug.
            refusal = as_refusal(error)
        return abort(context, refusal)

    return wrapper  # type: ignore[return-value]  # functools.wraps keeps the signature.


def refusing_stream(*, in_control_stream: bool = False) -> Callable[[Method], Method]:
    """Decorates a streaming servicer method: exceptions become a status with `ErrorInfo`."""

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
            abort(context, refusal, in_control_stream=in_control_stream)

        return wrapper  # type: ignore[return-value]  # functools.wraps keeps the signature.

    return decorate
