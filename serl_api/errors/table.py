"""Tabulates an API's errors: reason on the wire, gRPC status and exception, in both directions."""

from collections.abc import Mapping
from typing import Any, Generic, NoReturn, TypeVar

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status


class ApiError(Exception):
    """A call was refused or failed. The message is one sentence: the value, the bound, and what to do.

    Args:
        message: The sentence.
        metadata: For programs; the schema's `ErrorReason` names the keys of each reason.
        more: Further metadata.
    """

    def __init__(self, message: str, metadata: Mapping[str, str] | None = None, **more: str) -> None:
        super().__init__(message)
        self.metadata: Mapping[str, str] = {**(metadata or {}), **more}

    def _names(self, key: str) -> tuple[str, ...]:
        return tuple(name.strip() for name in self.metadata.get(key, "").split(",") if name.strip())


MAX_TEXT_BYTES = 800
"""Longest message or value of metadata: gRPC drops what a call's trailers hold beyond 8 kB, the refusal included."""

Error = TypeVar("Error", bound=ApiError)


class ErrorTable(Generic[Error]):
    """Turns exceptions into statuses with one `google.rpc.ErrorInfo`, and failed calls back into exceptions.

    Args:
        domain: `ErrorInfo.domain` of the API.
        rows: gRPC status and exception of each reason of the schema, by its name without the prefix.
    """

    def __init__(self, domain: str, rows: Mapping[str, tuple[grpc.StatusCode, type[Error]]]) -> None:
        self.domain = domain
        self.rows = rows
        self._reasons: dict[type[Exception], str] = {exception: reason for reason, (_, exception) in rows.items()}

    def covers(self, error: Exception) -> bool:
        """Returns whether the exception has a reason, so that it may go over the wire."""
        return type(error) in self._reasons

    def reason_of(self, error: Exception) -> str:
        """Returns the reason as `google.rpc.ErrorInfo` carries it, such as "ARM_FAULTED".

        Raises:
            KeyError: The table does not cover the exception.
        """
        return self._reasons[type(error)]

    def to_status(self, error: ApiError) -> grpc.Status:
        """Makes the gRPC status of a refusal.

        Raises:
            KeyError: The table does not cover the exception.
        """
        reason = self.reason_of(error)
        metadata = {key: shortened(value) for key, value in error.metadata.items()}
        info = error_details_pb2.ErrorInfo(reason=reason, domain=self.domain, metadata=metadata)
        detail = any_pb2.Any()
        detail.Pack(info)
        code = self.rows[reason][0].value[0]
        return rpc_status.to_status(status_pb2.Status(code=code, message=shortened(str(error)), details=[detail]))

    def abort(self, context: grpc.ServicerContext, error: ApiError) -> NoReturn:
        """Ends a call with a refusal. Raises, as gRPC demands."""
        context.abort_with_status(self.to_status(error))
        raise AssertionError("abort_with_status returned")

    def info_of(self, error: grpc.RpcError) -> error_details_pb2.ErrorInfo | None:
        """Reads what this API's server said about a failed call; None when the failure is not the server's word."""
        call: Any = error
        try:
            status = rpc_status.from_call(call)
        except ValueError:  # The trailing metadata contradicts the status; a proxy wrote one of them.
            return None
        for detail in status.details if status is not None else ():
            info = error_details_pb2.ErrorInfo()
            if detail.Is(info.DESCRIPTOR) and detail.Unpack(info) and info.domain == self.domain:
                return info
        return None

    def exception_of(self, error: grpc.RpcError) -> Error | None:
        """Makes the exception of a failed call's reason; None without a reason that this table knows."""
        call: Any = error
        info = self.info_of(error)
        if info is None or info.reason not in self.rows:
            return None
        return self.rows[info.reason][1](call.details() or "", dict(info.metadata))


def shortened(text: str) -> str:
    """Shortens a text for the wire: one that a peer made long keeps its beginning."""
    encoded = text.encode(errors="replace")
    if len(encoded) <= MAX_TEXT_BYTES:
        return text
    return encoded[: MAX_TEXT_BYTES - 3].decode(errors="ignore") + "..."
