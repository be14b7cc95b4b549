"""Exceptions of the client, and the one table from the schema's reasons to them.

RobotError
├── InvalidTargetError (ValueError)      a target has a NaN, a wrong length, no unit quaternion
├── InvalidRequestError (ValueError)     a request is malformed in another way
├── LimitExceededError (ValueError)      a value is outside a limit that is refused, not clipped
├── ControlHeldError                     another client holds the control session
├── FaultError                           the arm is faulted; `RobotClient.recover` leads out
├── StopLatchedError                     `Stop` is latched; `RobotClient.clear_stop` leads out
├── ModeError                            not possible in the present mode
├── NotFoundError (LookupError)          no camera, task, object or fault of that name
├── NotEquippedError                     this cell lacks the hardware, the control mode or the service
├── DeviceUnavailableError               a device does not deliver at present
├── TooManyStreamsError                  the daemon serves as many streams as it allows
├── AuthenticationError                  the bearer token is missing or wrong
├── DaemonError                          a bug in the daemon; its log has the traceback
├── ConnectionLostError (ConnectionError)  the daemon cannot be reached, or went away
│   └── DrainingError                    the daemon is shutting down
├── DeadlineError (TimeoutError)         no answer in time
├── SessionClosedError                   the control session has ended
├── MotionFailedError                    a motion stopped short of its goal
├── AddressError (ValueError)            an address, token or certificate that cannot be used
├── PrivateSimulatorError                the private simulator did not start
├── TaskMismatchError                    the daemon cannot serve an environment's task
└── EpisodeFileError                     a file does not hold episodes, or holds others
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

DOMAIN = "robot.serl"


class RobotError(Exception):
    """Root of the tree. The message is one sentence: the value, the bound, and what to do.

    Args:
        message: The sentence.
        metadata: What the daemon added for programs; keys are in the schema's `ErrorReason`.
    """

    def __init__(self, message: str, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.metadata: Mapping[str, str] = MappingProxyType(dict(metadata or {}))

    def _names(self, key: str) -> tuple[str, ...]:
        return tuple(name.strip() for name in self.metadata.get(key, "").split(",") if name.strip())


class InvalidTargetError(RobotError, ValueError):
    """A target has a NaN, a wrong length, or a quaternion that is not of unit length. Nothing moved."""


class InvalidRequestError(RobotError, ValueError):
    """A request is malformed in another way than its target."""


class LimitExceededError(RobotError, ValueError):
    """A value lies outside a limit that is refused rather than clipped."""


class ControlHeldError(RobotError):
    """Another client holds the control session."""

    @property
    def holder(self) -> str:
        """Name of the client that holds it."""
        return self.metadata.get("holder", "")

    @property
    def peer(self) -> str:
        """Network address of that client."""
        return self.metadata.get("peer", "")


class FaultError(RobotError):
    """The arm is faulted. Only `RobotClient.recover` clears a fault."""

    @property
    def fault_ids(self) -> tuple[str, ...]:
        """Identifiers of the active faults."""
        return self._names("faults")

    @property
    def black_box(self) -> str:
        """File on the robot PC with the last seconds; empty when none was written."""
        return self.metadata.get("black_box", "")


class StopLatchedError(RobotError):
    """`Stop` is latched. Only `RobotClient.clear_stop` releases it."""

    @property
    def stopped_by(self) -> str:
        """Who stopped the arm."""
        return self.metadata.get("stopped_by", "")


class ModeError(RobotError):
    """Not possible in the present mode."""


class NotFoundError(RobotError, LookupError):
    """No camera, task, object or fault of that name."""

    @property
    def available(self) -> tuple[str, ...]:
        """Names that exist."""
        return self._names("available")


class NotEquippedError(RobotError):
    """This cell lacks the hardware, the control mode or the service."""


class DeviceUnavailableError(RobotError):
    """A device does not deliver at present, such as an unplugged camera. Worth another try later."""


class TooManyStreamsError(RobotError):
    """The daemon serves as many streams as it allows."""


class AuthenticationError(RobotError):
    """The bearer token is missing or wrong."""


class DaemonError(RobotError):
    """A bug in the daemon; its log has the traceback."""


class ConnectionLostError(RobotError, ConnectionError):
    """The daemon cannot be reached, or went away. Whatever it was doing, the arm holds."""


class DrainingError(ConnectionLostError):
    """The daemon is shutting down."""


class DeadlineError(RobotError, TimeoutError):
    """No answer came in time."""


class SessionClosedError(RobotError):
    """The control session has ended; open another."""


class MotionFailedError(RobotError):
    """A motion stopped short of its goal. The session stays open and the arm holds."""


class AddressError(RobotError, ValueError):
    """An address, token or certificate that cannot be used."""


class PrivateSimulatorError(RobotError):
    """The private simulator did not start."""


class TaskMismatchError(RobotError):
    """The daemon lacks what an environment's task needs."""


class EpisodeFileError(RobotError):
    """A file does not hold episodes, or holds episodes of something else."""


ERROR_OF_REASON: Mapping[str, type[RobotError]] = MappingProxyType(
    {
        "INVALID_TARGET": InvalidTargetError,
        "INVALID_REQUEST": InvalidRequestError,
        "LIMIT_EXCEEDED": LimitExceededError,
        "CONTROL_HELD": ControlHeldError,
        "ARM_FAULTED": FaultError,
        "STOP_LATCHED": StopLatchedError,
        "WRONG_MODE": ModeError,
        "UNKNOWN_NAME": NotFoundError,
        "NOT_EQUIPPED": NotEquippedError,
        "DEVICE_UNAVAILABLE": DeviceUnavailableError,
        "TOO_MANY_STREAMS": TooManyStreamsError,
        "BAD_TOKEN": AuthenticationError,
        "DRAINING": DrainingError,
        "INTERNAL": DaemonError,
    }
)
"""Exception of each `serl.robot.v1.ErrorReason`, by its name without the prefix."""

_ERROR_OF_STATUS: Mapping[grpc.StatusCode, type[RobotError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequestError,
    grpc.StatusCode.OUT_OF_RANGE: LimitExceededError,
    grpc.StatusCode.FAILED_PRECONDITION: ModeError,
    grpc.StatusCode.ABORTED: SessionClosedError,
    grpc.StatusCode.CANCELLED: SessionClosedError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.UNIMPLEMENTED: NotEquippedError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: TooManyStreamsError,
    grpc.StatusCode.UNAUTHENTICATED: AuthenticationError,
    grpc.StatusCode.PERMISSION_DENIED: AuthenticationError,
    grpc.StatusCode.UNAVAILABLE: ConnectionLostError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineError,
}
"""Exception of a status without a reason this client knows: the transport's own errors, and later reasons."""


def robot_error(error: grpc.RpcError, address: str) -> RobotError:
    """Turns a failed call into its exception.

    Args:
        error: What gRPC raised.
        address: The daemon's address, for the transport's errors.

    Returns:
        The exception to raise.
    """
    call: Any = error
    info = _error_info(call)
    details = call.details() or ""
    if info is not None and info.reason in ERROR_OF_REASON:
        return ERROR_OF_REASON[info.reason](details, info.metadata)
    status = call.code()
    kind = _ERROR_OF_STATUS.get(status, DaemonError)
    metadata = {} if info is None else info.metadata
    return kind(_transport_sentence(kind, status, details, address), metadata)


def _transport_sentence(kind: type[RobotError], status: grpc.StatusCode, details: str, address: str) -> str:
    if kind is ConnectionLostError:
        return f"the daemon at {address} cannot be reached or went away ({details}); is it running?"
    if kind is DeadlineError:
        return f"the daemon at {address} did not answer in time; it may be stalled or the network slow"
    if kind is NotEquippedError:
        return f"the daemon at {address} does not offer this call ({details or 'unimplemented'})"
    return f"the daemon at {address} refused: {details or status.name}"


def _error_info(call: Any) -> error_details_pb2.ErrorInfo | None:  # noqa: ANN401
    try:
        status = rpc_status.from_call(call)
    except ValueError:  # The trailing metadata contradicts the status; a proxy wrote one of them.
        return None
    for detail in status.details if status is not None else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Is(info.DESCRIPTOR) and detail.Unpack(info) and info.domain == DOMAIN:
            return info
    return None
