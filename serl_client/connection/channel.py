"""How a daemon is reached: address, TLS, token, keepalive, retries of read-only calls, and every deadline."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

import grpc
from serl.robot.v1 import robot_service_pb2, robot_service_pb2_grpc

from serl_api.errors.robot import ConnectionLostError, robot_error
from serl_client.errors import AddressError

DEFAULT_PORT = 50051
TIMEOUT_S = 5.0
"""Deadline of a unary call, and longest silence of a control session beyond the period that was asked for."""
CONNECT_TIMEOUT_S = 10.0
"""How long to try an address."""
SLOW_TIMEOUT_S = 60.0
"""Deadline of calls that may build a scene or a rendering context first."""

_UNIX_PATH_MAX_BYTES = 107
_MAX_MESSAGE_BYTES = 64 * 1024 * 1024
_READ_ONLY = {
    "serl.robot.v1.RobotService": ("GetInfo", "GetState", "SyncTime", "ListFaults"),
    "serl.robot.v1.CameraService": ("ListCameras", "GetFrame"),
    "serl.simulator.v1.SimulatorService": ("ListTasks", "GetGroundTruth", "RenderView"),
}
"""The only methods that the transport repeats by itself. Nothing that moves or changes anything is among them."""

_Response = TypeVar("_Response")


def service_config() -> str:
    """JSON that tells gRPC which methods it may repeat, and how."""
    names = [{"service": service, "method": method} for service, methods in _READ_ONLY.items() for method in methods]
    policy = {
        "maxAttempts": 4,
        "initialBackoff": "0.05s",
        "maxBackoff": "0.5s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    return json.dumps({"methodConfig": [{"name": names, "retryPolicy": policy}]})


_OPTIONS: tuple[tuple[str, Any], ...] = (
    # A peer that vanished without closing is noticed after about two seconds.
    ("grpc.keepalive_time_ms", 1000),
    ("grpc.keepalive_timeout_ms", 1000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # A daemon that restarts is found again quickly; gRPC's own default waits up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.service_config", service_config()),
    # Every client has its own connection, so that closing one never disturbs another.
    ("grpc.use_local_subchannel_pool", 1),
)


def parse_address(address: str) -> str:
    """Brings an address into the form that gRPC dials.

    Args:
        address: `host`, `host:port`, `[ipv6]:port` or `unix:/path`. The default port is 50051.

    Returns:
        `host:port` or `unix:/path`.

    Raises:
        AddressError: It is none of these.
    """
    text = address.strip()
    if text.startswith("unix:"):
        return _parse_unix(text)
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+(?:%\w+)?\]|[^\s:/\[\]]+)(?::([0-9]+))?", text)
    if match is None:
        raise AddressError(f'address "{address}" is not HOST:PORT, [IPV6]:PORT or unix:/PATH')
    port = int(match[2]) if match[2] else DEFAULT_PORT
    if not 1 <= port <= 65535:
        raise AddressError(f'port {port} of address "{address}" is outside 1 to 65535')
    return f"{match[1]}:{port}"


def _parse_unix(address: str) -> str:
    path = address.removeprefix("unix:")
    if path.startswith("//"):
        path = path[2:]
    length = len(path.encode())
    if not 1 <= length <= _UNIX_PATH_MAX_BYTES:
        raise AddressError(f"socket path of {length} bytes in {address}; it must have 1 to {_UNIX_PATH_MAX_BYTES}")
    return f"unix:{path}"


def is_local(address: str) -> bool:
    """Whether what is sent to a parsed address never leaves this machine."""
    if address.startswith("unix:"):
        return True
    host = address.rpartition(":")[0].strip("[]")
    return host in ("localhost", "::1") or re.fullmatch(r"127(\.\d+){3}", host) is not None


class Connection:
    """A channel to one daemon with its credentials and deadlines. Safe to use from several threads.

    Args:
        address: See `parse_address`.
        token: Bearer token; sent in clear text only to this machine.
        tls_root: PEM file with the certificate that signed the daemon's; None for a plain connection.
        timeout_s: Deadline of a unary call.

    Raises:
        AddressError: The address, the token or the certificate cannot be used.
    """

    def __init__(
        self,
        address: str,
        *,
        token: str | None = None,
        tls_root: Path | str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.address = parse_address(address)
        self.timeout_s = timeout_s
        self.metadata = _token_metadata(token, self.address, secured=tls_root is not None)
        if tls_root is None:
            self.channel = grpc.insecure_channel(self.address, options=_OPTIONS)
        else:
            self.channel = grpc.secure_channel(self.address, _credentials(Path(tls_root)), options=_OPTIONS)

    @classmethod
    def ready(
        cls,
        address: str,
        *,
        token: str | None = None,
        tls_root: Path | str | None = None,
        timeout_s: float = TIMEOUT_S,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
    ) -> Self:
        """Connects, and returns once the daemon answers.

        Raises:
            AddressError: The address, the token or the certificate cannot be used.
            ConnectionLostError: No daemon answered within `connect_timeout_s`.
        """
        connection = cls(address, token=token, tls_root=tls_root, timeout_s=timeout_s)
        try:
            connection.wait_ready(connect_timeout_s)
        except BaseException:
            connection.close()
            raise
        return connection

    def wait_ready(self, timeout_s: float = CONNECT_TIMEOUT_S) -> robot_service_pb2.GetInfoResponse:
        """Waits until the daemon answers, and returns its facts.

        Raises:
            ConnectionLostError: It did not within `timeout_s`; the message names the address.
            AuthenticationError: The token is missing or wrong.
        """
        stub = robot_service_pb2_grpc.RobotServiceStub(self.channel)
        request = robot_service_pb2.GetInfoRequest()
        try:
            return stub.GetInfo(request, timeout=timeout_s, metadata=self.metadata, wait_for_ready=True)
        except grpc.RpcError as error:
            call: Any = error
            if call.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                raise robot_error(error, self.address) from error
            raise ConnectionLostError(
                f"no daemon answers at {self.address}; tried for {timeout_s:g} s. Is it running, is this its address?"
            ) from None
        except ValueError:  # gRPC's word for a closed channel.
            raise ConnectionLostError(f"the connection to {self.address} is closed; make another client") from None

    def call(self, method: Callable[..., _Response], request: object, *, timeout_s: float | None = None) -> _Response:
        """Makes a unary call with the deadline and the token.

        Args:
            method: Of a generated stub.
            request: Its request.
            timeout_s: Deadline; None for the connection's.

        Raises:
            RobotError: The subclass that fits.
        """
        deadline_s = self.timeout_s if timeout_s is None else timeout_s
        try:
            return method(request, timeout=deadline_s, metadata=self.metadata)
        except grpc.RpcError as error:
            raise robot_error(error, self.address) from error
        except ValueError:  # gRPC's word for a closed channel.
            raise ConnectionLostError(f"the connection to {self.address} is closed; make another client") from None

    def close(self) -> None:
        """Closes the channel; open calls end."""
        self.channel.close()


def read_token(path: Path) -> str:
    """First line of a token file.

    Raises:
        AddressError: It cannot be read or is empty.
    """
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AddressError(f"cannot read the token file {path}: {error}") from None
    if not lines or not lines[0].strip():
        raise AddressError(f"the token file {path} is empty; its first line must be the token")
    return lines[0].strip()


def _token_metadata(token: str | None, address: str, *, secured: bool) -> tuple[tuple[str, str], ...]:
    if token is None:
        return ()
    if not secured and not is_local(address):
        raise AddressError(
            f"the token would travel to {address} in clear text; give the daemon's certificate as tls_root"
        )
    return (("authorization", f"Bearer {token}"),)


def _credentials(tls_root: Path) -> grpc.ChannelCredentials:
    try:
        return grpc.ssl_channel_credentials(tls_root.read_bytes())
    except OSError as error:
        raise AddressError(f"cannot read the certificate {tls_root}: {error.strerror}") from None
