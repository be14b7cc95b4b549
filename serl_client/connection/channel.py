"""Connects clients to a daemon: address, TLS, token, keepalive, retries of read-only calls, deadlines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypedDict, TypeVar, Unpack

import grpc
from serl.robot.v1 import robot_service_pb2, robot_service_pb2_grpc

from serl_api.errors.robot import ConnectionLostError, DeadlineError, robot_error
from serl_api.lifetime.closing import ClosedOnExit
from serl_api.security import ROBOT_TOKEN_FILE, ChannelSecurity, open_channel, parse_address
from serl_api.settings import ConfigError
from serl_client.errors import AddressError

DEFAULT_PORT = 50051
TIMEOUT_S = 5.0
"""Deadline of a unary call, and longest silence of a control session beyond the period that was asked for."""
CONNECT_TIMEOUT_S = 10.0
"""How long to try an address."""
SLOW_TIMEOUT_S = 60.0
"""Deadline of calls that may build a scene or a rendering context first."""

_READ_ONLY = {
    "serl.robot.v1.RobotService": ("GetInfo", "GetState", "SyncTime", "ListFaults"),
    "serl.robot.v1.CameraService": ("ListCameras", "GetFrame"),
    "serl.simulator.v1.SimulatorService": ("ListTasks", "GetGroundTruth", "RenderView"),
}
"""The only methods that the transport repeats by itself. Nothing that moves or changes anything is among them."""

_Response = TypeVar("_Response")
_Value = TypeVar("_Value")


class ConnectionOptions(TypedDict, total=False):
    """Lists the keyword arguments of `Connection`, which every client takes."""

    token: str | None
    tls_root: Path | str | None
    tls_identity: Path | str | None
    timeout_s: float
    connect_timeout_s: float


def service_config() -> str:
    """Returns the JSON that tells gRPC which methods it may repeat, and how."""
    names = [{"service": service, "method": method} for service, methods in _READ_ONLY.items() for method in methods]
    policy = {
        "maxAttempts": 4,
        "initialBackoff": "0.05s",
        "maxBackoff": "0.5s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    return json.dumps({"methodConfig": [{"name": names, "retryPolicy": policy}]})


class Connection:
    """Holds a channel to one daemon with its credentials and deadlines; connects when made. Safe from any thread.

    Args:
        address: `host`, `host:port`, `[ipv6]:port` or `unix:/path`; the default port is 50051.
        token: Bearer token; sent in clear text only to this machine.
        tls_root: PEM file with the certificate that signed the daemon's; None for a plain connection.
        tls_identity: PEM file with the client's private key and certificate, where the daemon asks for one. What is
            left out of these three comes from the environment (docs/security.md) where the daemon is another machine's.
        timeout_s: Deadline of a unary call.
        connect_timeout_s: How long to try the address.

    Raises:
        AddressError: The address, the token or the certificate cannot be used.
        ConnectionLostError: No daemon answered in time.
        AuthenticationError: The token is missing or wrong.
    """

    def __init__(
        self,
        address: str,
        *,
        token: str | None = None,
        tls_root: Path | str | None = None,
        tls_identity: Path | str | None = None,
        timeout_s: float = TIMEOUT_S,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
    ) -> None:
        self.timeout_s = timeout_s
        root = None if tls_root is None else Path(tls_root)
        identity = None if tls_identity is None else Path(tls_identity)
        options = [("grpc.service_config", service_config())]
        try:
            self.address = parse_address(address, DEFAULT_PORT)
            known = ChannelSecurity(tls_root=root, tls_identity=identity).or_environment(self.address, ROBOT_TOKEN_FILE)
            self.channel = open_channel(
                self.address,
                token=known.token() if token is None else token,
                tls_root=known.tls_root,
                tls_identity=known.tls_identity,
                options=options,
            )
        except ConfigError as error:
            raise AddressError(str(error)) from None
        try:
            self.facts = self.wait_ready(connect_timeout_s)
            """What the daemon said of its cell when it was connected."""
        except BaseException:
            self.close()
            raise

    def wait_ready(self, timeout_s: float = CONNECT_TIMEOUT_S) -> robot_service_pb2.GetInfoResponse:
        """Waits until the daemon answers, and returns its facts.

        Raises:
            ConnectionLostError: It did not within `timeout_s`; the message names the address.
            AuthenticationError: The token is missing or wrong.
        """
        get_info = robot_service_pb2_grpc.RobotServiceStub(self.channel).GetInfo
        waiting = partial(get_info, wait_for_ready=True)
        try:
            return self.call(waiting, robot_service_pb2.GetInfoRequest(), timeout_s=timeout_s)
        except DeadlineError:
            raise ConnectionLostError(
                f"no daemon answers at {self.address}; tried for {timeout_s:g} s. Is it running, is this its address?"
            ) from None

    def call(self, method: Callable[..., _Response], request: object, *, timeout_s: float | None = None) -> _Response:
        """Makes a unary call with the deadline and the token.

        Raises:
            RobotError: The subclass that fits.
        """
        deadline_s = self.timeout_s if timeout_s is None else timeout_s
        try:
            return method(request, timeout=deadline_s)
        except grpc.RpcError as error:
            raise robot_error(error, self.address) from error
        except ValueError:  # gRPC's word for a closed channel.
            raise ConnectionLostError(f"the connection to {self.address} is closed; make another client") from None

    def stream(self, method: Callable[..., Any], request: object, decode: Callable[[Any], _Value]) -> Iterator[_Value]:
        """Makes a call that streams answers, and decodes each as it comes. Closing the iterator ends the stream.

        Raises:
            RobotError: The subclass that fits.
        """
        call = method(request)
        try:
            for response in call:
                yield decode(response)
        except grpc.RpcError as error:
            raise robot_error(error, self.address) from error
        finally:
            call.cancel()

    def close(self) -> None:
        """Closes the channel; open calls end."""
        self.channel.close()


class ServiceClient(ClosedOnExit):
    """Holds the connection of a client. Connects when made; a context manager. Safe to use from several threads.

    Args:
        target: Address, or the connection of another client, which then stays the owner.
        options: Token, certificate and deadlines: see `Connection`, which says what is raised as well.
    """

    def __init__(self, target: str | Connection, **options: Unpack[ConnectionOptions]) -> None:
        self._owns_connection = isinstance(target, str)
        self.connection = Connection(target, **options) if isinstance(target, str) else target

    def close(self) -> None:
        """Closes the connection, if this client opened it; open sessions and streams end."""
        if self._owns_connection:
            self.connection.close()
