"""gRPC between actors and a learner: options, TLS and bearer token, loopback unless secured, errors as exceptions."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import grpc

from serl_api.errors.table import ErrorTable
from serl_rl import errors

MAX_MESSAGE_BYTES = 32 * 1024 * 1024

# A peer that vanished without closing is noticed after about two seconds.
KEEPALIVE_OPTIONS = (
    ("grpc.keepalive_time_ms", 1000),
    ("grpc.keepalive_timeout_ms", 1000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 500),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 500),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
)
# A lost learner is tried again quickly; gRPC's own default waits up to two minutes.
_RECONNECT_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
)

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
        "STORAGE_FULL": (grpc.StatusCode.RESOURCE_EXHAUSTED, errors.StorageFullError),
        "INTERNAL": (grpc.StatusCode.INTERNAL, errors.LearnerInternalError),
    },
)
"""Status and exception of each `serl.learner.v1.ErrorReason`."""


@dataclass(frozen=True, kw_only=True)
class SecurityConfig:
    """How a learner's address is protected. Only loopback may do without."""

    insecure: bool = False
    """Serve other machines without TLS and token. Anyone on the network can then feed and read the learner."""
    tls_certificate: Path | None = None
    """PEM file with the server's certificate chain."""
    tls_key: Path | None = None
    """PEM file with the server's private key."""
    token_file: Path | None = None
    """File with the bearer token that actors must present."""


@dataclass(frozen=True, kw_only=True)
class CredentialsConfig:
    """How an actor presents itself to a learner."""

    tls_root: Path | None = None
    """PEM file with the certificate that signed the learner's; none for a plain connection."""
    token_file: Path | None = None
    """File with the bearer token."""


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach an address such as "127.0.0.1:0", "localhost:1" or "unix:/path"."""
    if address.startswith("unix:"):
        return True
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bind(server: grpc.Server, address: str, security: SecurityConfig) -> str:
    """Binds a server to an address.

    Args:
        server: The server, not started.
        address: "host:port" (port 0 takes a free one) or "unix:/path".
        security: TLS files and token.

    Returns:
        The bound address.

    Raises:
        errors.UsageError: The address is open to other machines without protection, or cannot be bound.
    """
    is_secured = security.tls_certificate is not None and security.tls_key is not None
    if not is_loopback(address) and not security.insecure and not (is_secured and security.token_file is not None):
        raise errors.UsageError(
            f"{address} is open to other machines: give --tls-certificate, --tls-key and --token-file, "
            "or say --insecure, or use 127.0.0.1"
        )
    try:
        if is_secured:
            port = server.add_secure_port(address, _server_credentials(security))
        else:
            port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise errors.UsageError(f"cannot serve on {address}: is the port in use? ({error})") from error
    return address if address.startswith("unix:") else f"{address.rpartition(':')[0]}:{port}"


def open_channel(address: str, credentials: CredentialsConfig | None = None) -> grpc.Channel:
    """Opens a channel to a learner; connects when first used.

    Args:
        address: "host:port" or "unix:/path".
        credentials: TLS root and token; none for a plain connection.

    Returns:
        The channel. The caller closes it.
    """
    credentials = credentials or CredentialsConfig()
    options = [*KEEPALIVE_OPTIONS, *_RECONNECT_OPTIONS]
    if credentials.tls_root is None:
        channel = grpc.insecure_channel(address, options=options)
    else:
        root = grpc.ssl_channel_credentials(_read(credentials.tls_root))
        channel = grpc.secure_channel(address, root, options=options)
    if credentials.token_file is not None:
        token = _read(credentials.token_file).decode().strip()
        channel = grpc.intercept_channel(channel, _TokenSender(token))
    return channel


def token_interceptors(security: SecurityConfig) -> list[grpc.ServerInterceptor]:
    """Interceptors that refuse calls without the token; none when no token is configured."""
    if security.token_file is None:
        return []
    return [_TokenChecker(_read(security.token_file).decode().strip())]


def learner_error(error: grpc.RpcError, address: str) -> errors.LearnerError:
    """Turns a failed call into the exception of its reason.

    Args:
        error: What gRPC raised.
        address: Address of the learner, for the message.

    Returns:
        The exception to raise.
    """
    if (known := LEARNER_ERRORS.exception_of(error)) is not None:
        return known
    call: Any = error
    return errors.LearnerUnreachableError(f"the learner at {address} does not answer ({call.details()})")


class _TokenSender(
    grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor, grpc.StreamStreamClientInterceptor
):
    """Adds the bearer token to every call."""

    def __init__(self, token: str) -> None:
        self._metadata = ("authorization", f"Bearer {token}")

    def _send(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:  # noqa: ANN401
        metadata = [*(details.metadata or ()), self._metadata]
        return continuation(_CallDetails(details, metadata), request)

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:  # noqa: ANN401
        """Adds the token."""
        return self._send(continuation, client_call_details, request)

    def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:  # noqa: ANN401
        """Adds the token."""
        return self._send(continuation, client_call_details, request)

    def intercept_stream_stream(
        self,
        continuation: Any,  # noqa: ANN401
        client_call_details: Any,  # noqa: ANN401
        request_iterator: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        return self._send(continuation, client_call_details, request_iterator)


class _CallDetails(grpc.ClientCallDetails):
    """Details of a call with other metadata."""

    def __init__(self, details: Any, metadata: list[tuple[str, str]]) -> None:  # noqa: ANN401
        self.method = details.method
        self.timeout = details.timeout
        self.metadata = tuple(metadata)
        self.credentials = details.credentials
        self.wait_for_ready = details.wait_for_ready
        self.compression = details.compression


class _TokenChecker(grpc.ServerInterceptor):
    """Refuses calls without the right bearer token."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode()

    def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:  # noqa: ANN401
        """Lets a call pass or replaces its handler by a refusal."""
        sent = dict(handler_call_details.invocation_metadata).get("authorization", "")
        handler = continuation(handler_call_details)
        if handler is None or hmac.compare_digest(str(sent).encode(), self._expected):
            return handler
        return _refusing_handler(handler)


def _refusing_handler(handler: Any) -> Any:  # noqa: ANN401
    def refuse(request: Any, context: grpc.ServicerContext) -> NoReturn:  # noqa: ANN401
        del request
        LEARNER_ERRORS.abort(
            context, errors.BadTokenError("the bearer token is missing or wrong; pass the learner's --token-file")
        )

    if handler.request_streaming:
        return grpc.stream_stream_rpc_method_handler(refuse, handler.request_deserializer, handler.response_serializer)
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(refuse, handler.request_deserializer, handler.response_serializer)
    return grpc.unary_unary_rpc_method_handler(refuse, handler.request_deserializer, handler.response_serializer)


def _server_credentials(security: SecurityConfig) -> grpc.ServerCredentials:
    assert security.tls_key is not None
    assert security.tls_certificate is not None
    return grpc.ssl_server_credentials([(_read(security.tls_key), _read(security.tls_certificate))])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise errors.UsageError(f"cannot read {path}: {error.strerror}") from error
