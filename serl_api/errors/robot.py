"""Defines the exceptions of the robot API: the daemon refuses calls by them, the client gets the same ones.

RobotError
├── InvalidTargetError (ValueError)      a target has a NaN, a wrong length, no unit quaternion
├── InvalidRequestError (ValueError)     a request is malformed in another way
├── LimitExceededError (ValueError)      a value is outside a limit that is refused, not clipped
├── ControlHeldError                     another client holds the control session
├── ControlTakenError                    a client of a higher class took the arm over
├── FaultError                           the arm is faulted; `RobotClient.recover` leads out
├── StopLatchedError                     `Stop` is latched; `RobotClient.clear_stop` leads out
├── ModeError                            not possible in the present mode
├── NotFoundError (LookupError)          no camera, task, object or fault of that name
├── NotEquippedError                     this cell lacks the hardware, the control mode or the service
├── DeviceUnavailableError               a device does not deliver at present
├── TooManyStreamsError                  the daemon serves as many streams as it allows
├── AuthenticationError                  the bearer token is missing or wrong
├── PermissionDeniedError                the token's role does not allow the call
├── DaemonError                          a bug in the daemon; its log has the traceback
├── ConnectionLostError (ConnectionError)  the daemon cannot be reached, or went away
│   └── DrainingError                    the daemon is shutting down
├── DeadlineError (TimeoutError)         no answer in time
└── SessionClosedError                   the control session has ended
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import grpc

from serl_api.errors.table import ApiError, ErrorTable


class RobotError(ApiError):
    """Root of the tree."""


class InvalidTargetError(RobotError, ValueError):
    """A target has a NaN, a wrong length, or a quaternion that is not of unit length. Nothing moved.

    Metadata: `field`.
    """


class InvalidRequestError(RobotError, ValueError):
    """A request is malformed in another way than its target. Metadata: `field`."""


class LimitExceededError(RobotError, ValueError):
    """A value lies outside a limit that is refused rather than clipped."""

    @classmethod
    def outside(cls, field: str, value: float, *, lower: float, upper: float, unit: str = "", hint: str = "") -> Self:
        """Says which field of a request is outside which bounds, and what to do where `hint` does."""
        suffix = f" {unit}" if unit else ""
        help_text = f"; {hint}" if hint else ""
        return cls(
            f"{field} is {value:.6g}{suffix}, outside {lower:.6g} to {upper:.6g}{suffix}{help_text}",
            field=field,
            value=repr(value),
            lower=repr(lower),
            upper=repr(upper),
        )


_WAIT = "close it there, or wait until it ends"


class ControlHeldError(RobotError):
    """Another client holds the control session."""

    @classmethod
    def by(cls, holder: str, peer: str, *, may_take_over: bool = False) -> Self:
        """Names the holder and its network address, and says whether the caller may take the arm from it."""
        ways = "wait until it ends, or take it over (serl-robot: --take-over)" if may_take_over else _WAIT
        return cls(f'"{holder}" at {peer} holds the control session; {ways}', holder=holder, peer=peer)

    @property
    def holder(self) -> str:
        """Returns the name of the client that holds it."""
        return self.metadata.get("holder", "")

    @property
    def peer(self) -> str:
        """Returns the network address of that client."""
        return self.metadata.get("peer", "")


class ControlTakenError(RobotError):
    """A client of a higher class took the arm over; this session has ended."""

    @classmethod
    def by(cls, holder: str, peer: str, session_number: int) -> Self:
        """Names the new holder, its network address and its session."""
        text = f'"{holder}" at {peer} took the arm over with session {session_number}; wait until that one ends'
        return cls(text, holder=holder, peer=peer, session_number=str(session_number))

    @property
    def holder(self) -> str:
        """Returns the name of the client that took over."""
        return self.metadata.get("holder", "")

    @property
    def session_number(self) -> int:
        """Returns the number of its session; 0 where that was not said."""
        return int(self.metadata.get("session_number", "0"))


class FaultError(RobotError):
    """The arm is faulted, or a hand is on it. Only `RobotClient.recover` clears a fault."""

    @classmethod
    def active(cls, fault_ids: Sequence[str], text: str, black_box: str = "", *, by_hand: bool = False) -> Self:
        """Names the active faults and the file that recorded them; a hand on the arm needs no recovery."""
        joined = ",".join(fault_ids)
        metadata = {"faults": joined} | ({"black_box": black_box} if black_box else {})
        if by_hand:
            return cls(f"a hand is on the arm ({joined}): {text}", metadata)
        return cls(f"the arm is faulted ({joined}): {text}; recover from the fault, then go on", metadata)

    @property
    def fault_ids(self) -> tuple[str, ...]:
        """Returns the identifiers of the active faults."""
        return self._names("faults")

    @property
    def black_box(self) -> str:
        """Returns the file on the robot PC with the last seconds; empty when none was written."""
        return self.metadata.get("black_box", "")


class StopLatchedError(RobotError):
    """`Stop` is latched. Only `RobotClient.clear_stop` releases it."""

    @classmethod
    def by(cls, client_name: str, text: str = "") -> Self:
        """Names who stopped the arm, and why."""
        why = f": {text}" if text else ""
        sentence = f'"{client_name}" stopped the arm{why}; nothing moves until `serl-robot stop --clear` releases it'
        return cls(sentence, stopped_by=client_name)

    @property
    def stopped_by(self) -> str:
        """Returns who stopped the arm."""
        return self.metadata.get("stopped_by", "")


class ModeError(RobotError):
    """Not possible in the present mode. Metadata: `mode`."""


class NotFoundError(RobotError, LookupError):
    """No camera, task, object or fault of that name."""

    @classmethod
    def among(cls, kind: str, *, name: str, available: Sequence[str]) -> Self:
        """Lists the names that exist."""
        listed = ", ".join(available) or "none"
        text = f'there is no {kind} "{name}"; available: {listed}'
        return cls(text, name=name, available=",".join(available))

    @property
    def available(self) -> tuple[str, ...]:
        """Returns the names that exist."""
        return self._names("available")


class NotEquippedError(RobotError):
    """This cell lacks the hardware, the control mode or the service. Metadata: `capability`."""


class DeviceUnavailableError(RobotError):
    """A device does not deliver at present, such as an unplugged camera. Worth another try later.

    Metadata: `device`.
    """


class TooManyStreamsError(RobotError):
    """The daemon serves as many streams as it allows."""

    @classmethod
    def at(cls, limit: int, kind: str) -> Self:
        """Says how many streams of which kind are open."""
        return cls(f"{limit} {kind} streams are open, as many as allowed; close one first", limit=str(limit))


class AuthenticationError(RobotError):
    """The bearer token is missing or wrong."""


class PermissionDeniedError(RobotError):
    """The token's role does not allow the call. Metadata: `role`, the one that does."""


class DaemonError(RobotError):
    """A bug in the daemon; its log has the traceback."""


class ConnectionLostError(RobotError, ConnectionError):
    """The daemon cannot be reached, or went away. If it lives, it notices within two seconds and holds the arm."""


class DrainingError(ConnectionLostError):
    """The daemon is shutting down."""

    def __init__(
        self,
        message: str = "the daemon is shutting down; the arm holds; connect again once it is back",
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, metadata)


class DeadlineError(RobotError, TimeoutError):
    """No answer came in time."""


class SessionClosedError(RobotError):
    """The control session has ended; open another."""


ROBOT_ERRORS: ErrorTable[RobotError] = ErrorTable(
    "robot.serl",
    {
        "INVALID_TARGET": (grpc.StatusCode.INVALID_ARGUMENT, InvalidTargetError),
        "INVALID_REQUEST": (grpc.StatusCode.INVALID_ARGUMENT, InvalidRequestError),
        "LIMIT_EXCEEDED": (grpc.StatusCode.OUT_OF_RANGE, LimitExceededError),
        "CONTROL_HELD": (grpc.StatusCode.FAILED_PRECONDITION, ControlHeldError),
        "CONTROL_TAKEN": (grpc.StatusCode.ABORTED, ControlTakenError),
        "ARM_FAULTED": (grpc.StatusCode.FAILED_PRECONDITION, FaultError),
        "STOP_LATCHED": (grpc.StatusCode.FAILED_PRECONDITION, StopLatchedError),
        "WRONG_MODE": (grpc.StatusCode.FAILED_PRECONDITION, ModeError),
        "UNKNOWN_NAME": (grpc.StatusCode.NOT_FOUND, NotFoundError),
        "NOT_EQUIPPED": (grpc.StatusCode.UNIMPLEMENTED, NotEquippedError),
        "DEVICE_UNAVAILABLE": (grpc.StatusCode.UNAVAILABLE, DeviceUnavailableError),
        "TOO_MANY_STREAMS": (grpc.StatusCode.RESOURCE_EXHAUSTED, TooManyStreamsError),
        "BAD_TOKEN": (grpc.StatusCode.UNAUTHENTICATED, AuthenticationError),
        "NOT_PERMITTED": (grpc.StatusCode.PERMISSION_DENIED, PermissionDeniedError),
        "DRAINING": (grpc.StatusCode.UNAVAILABLE, DrainingError),
        "INTERNAL": (grpc.StatusCode.INTERNAL, DaemonError),
    },
)
"""Status and exception of each `serl.robot.v1.ErrorReason`; `CONTROL_STREAM_ERRORS` differs for a control stream."""

CONTROL_STREAM_ERRORS: ErrorTable[RobotError] = ErrorTable(
    ROBOT_ERRORS.domain,
    {
        **ROBOT_ERRORS.rows,
        "ARM_FAULTED": (grpc.StatusCode.ABORTED, FaultError),
        "STOP_LATCHED": (grpc.StatusCode.ABORTED, StopLatchedError),
    },
)
"""Status and exception of each reason inside `RobotService.Control`."""

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
    grpc.StatusCode.PERMISSION_DENIED: PermissionDeniedError,
    grpc.StatusCode.UNAVAILABLE: ConnectionLostError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineError,
}
"""Exception of a status without a reason this client knows: the transport's own errors, and later reasons."""


def robot_error(error: grpc.RpcError, address: str) -> RobotError:
    """Turns a failed call into its exception."""
    if (known := ROBOT_ERRORS.exception_of(error)) is not None:
        return known
    call: Any = error
    status = call.code()
    kind = _ERROR_OF_STATUS.get(status, DaemonError)
    info = ROBOT_ERRORS.info_of(error)
    metadata = {} if info is None else dict(info.metadata)
    return kind(_transport_sentence(kind, status, call.details() or "", address), metadata)


def _transport_sentence(kind: type[RobotError], status: grpc.StatusCode, details: str, address: str) -> str:
    if kind is ConnectionLostError:
        return f"the daemon at {address} cannot be reached or went away ({details}); is it running?"
    if kind is DeadlineError:
        return f"the daemon at {address} did not answer in time; it may be stalled or the network slow"
    if kind is NotEquippedError:
        return f"the daemon at {address} does not offer this call ({details or 'unimplemented'})"
    return f"the daemon at {address} refused: {details or status.name}"
