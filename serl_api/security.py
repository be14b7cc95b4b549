"""Secures servers and the channels to them by TLS, bearer tokens and addresses.

Only this machine is reached in the clear. Anyone else needs TLS and a token, or the server's word insecure; and no
token ever leaves the machine on a channel without TLS.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from serl_api.errors.refusals import Refusals
from serl_api.forking import NotedChannel, require_usable
from serl_api.roles import Role, RoleChecker, read_role_tokens
from serl_api.settings import ConfigError

logger = logging.getLogger(__name__)

KEEPALIVE_OPTIONS: tuple[tuple[str, int], ...] = (
    # A peer that falls silent is given up within about 2 s: a ping after 600 ms without a word, and 1000 ms for its
    # answer, which took less than 250 ms at a load of 17 on two cores (docs/reliability.md).
    ("grpc.keepalive_time_ms", 600),
    ("grpc.http2.ping_timeout_ms", 1000),  # Not keepalive_timeout_ms: gRPC waits a minute for a ping all the same.
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 500),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 500),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    ("grpc.max_send_message_length", 64 * 1024 * 1024),
)
"""Options of every server and every channel."""

_CHANNEL_OPTIONS: tuple[tuple[str, int], ...] = (
    *KEEPALIVE_OPTIONS,
    # A server that restarts is found again quickly; gRPC's own default waits up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    # No pause, in spite of its name, but how long one attempt may take: less than a slow network or a busy server needs
    # would never connect (docs/reliability.md).
    ("grpc.min_reconnect_backoff_ms", 2000),
    ("grpc.max_reconnect_backoff_ms", 200),
    # Every client has its own connection, so that closing one never disturbs another.
    ("grpc.use_local_subchannel_pool", 1),
)
TLS_ROOT, TLS_IDENTITY = "SERL_TLS_ROOT", "SERL_TLS_IDENTITY"
"""Environment variables with the files of clients that are told no others."""
ROBOT_TOKEN_FILE, LEARNER_TOKEN_FILE = "SERL_ROBOT_TOKEN_FILE", "SERL_LEARNER_TOKEN_FILE"
"""The same for the token of a daemon or simulator, and of a learner, which need different roles."""
UNIX_PATH_MAX_BYTES = 107
"""Longest path of a Unix socket."""
_LARGEST_PORT = 65535


@dataclass(frozen=True, kw_only=True)
class ServerSecurity:
    """Says whom a server lets in. Only loopback may do without TLS and a token."""

    insecure: bool = False
    """Serve other machines without TLS and token. Anyone on the network can then move the arm, or feed the learner."""
    tls_certificate: Path | None = None
    """PEM file with the server's certificate chain."""
    tls_key: Path | None = None
    """PEM file with the server's private key."""
    tls_client_ca: Path | None = None
    """PEM file with the certificate that signed those of clients; whoever has none of its is not let in."""
    token_file: Path | None = None
    """File whose first line is the bearer token that clients must send, for everything; or, where its name ends in
    `.toml`, the token of each role: observe, control, train, administer."""

    def __post_init__(self) -> None:
        """Refuses half a pair."""
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ConfigError("tls_certificate and tls_key belong together; give both or neither")
        if self.tls_client_ca is not None and self.tls_key is None:
            raise ConfigError("tls_client_ca needs TLS; give tls_certificate and tls_key too")

    def require_safe(self, address: str) -> None:
        """Refuses to serve a network in the clear.

        Raises:
            ConfigError: The address is not local, TLS or token are missing, and `insecure` is not set.
        """
        if self.insecure or is_local(address):
            return
        missing = [name for name in ("tls_certificate", "tls_key", "token_file") if getattr(self, name) is None]
        if missing:
            raise ConfigError(
                f"address {address} can be reached from the network, but {', '.join(missing)} is not set; "
                "set it, listen on 127.0.0.1, or set insecure to let anyone there in"
            )

    def credentials(self) -> grpc.ServerCredentials | None:
        """Loads the TLS credentials; None when none are configured.

        Raises:
            ConfigError: A file cannot be read.
        """
        if self.tls_certificate is None or self.tls_key is None:
            return None
        _warn_if_shared(self.tls_key)
        pair = (_read(self.tls_key), _read(self.tls_certificate))
        if self.tls_client_ca is None:
            return grpc.ssl_server_credentials([pair])
        return grpc.ssl_server_credentials([pair], _read(self.tls_client_ca), require_client_auth=True)

    def role_checker(self, refusals: Refusals) -> RoleChecker | None:
        """Makes what refuses calls without a token or of a smaller role; None when no token is configured.

        Raises:
            ConfigError: The token file cannot be read or is empty.
        """
        path = self.token_file
        if path is None:
            return None
        roles = read_role_tokens(path) if path.suffix == ".toml" else {read_token(path): Role.ADMINISTER}
        _warn_if_shared(path)
        return RoleChecker(roles, refusals.refuse_token, refusals.refuse_role)


@dataclass(frozen=True, kw_only=True)
class ChannelSecurity:
    """Says how a client presents itself to a server."""

    tls_root: Path | None = None
    """PEM file with the certificate that signed the server's; none for a plain connection."""
    tls_identity: Path | None = None
    """PEM file with this client's private key and certificate, where the server asks for one."""
    token_file: Path | None = None
    """File whose first line is the bearer token."""

    def token(self) -> str | None:
        """Reads the bearer token; None without a file.

        Raises:
            ConfigError: The file cannot be read or is empty.
        """
        return None if self.token_file is None else read_token(self.token_file)

    def or_environment(self, address: str, token_variable: str) -> ChannelSecurity:
        """Fills in files of the environment's variables where none are given, to reach another machine.

        Args:
            address: Of the server; one of this machine, such as a private simulator, is left as it is.
            token_variable: Name of the variable with the token's file.

        Returns:
            All that is known.
        """
        if is_local(address):
            return self

        def file(given: Path | None, variable: str) -> Path | None:
            named = os.environ.get(variable)
            return given if given is not None or not named else Path(named)

        return ChannelSecurity(
            tls_root=file(self.tls_root, TLS_ROOT),
            tls_identity=file(self.tls_identity, TLS_IDENTITY),
            token_file=file(self.token_file, token_variable),
        )


def open_channel(
    address: str,
    *,
    token: str | None = None,
    tls_root: Path | None = None,
    tls_identity: Path | None = None,
    options: Sequence[tuple[str, Any]] = (),
) -> grpc.Channel:
    """Opens a channel, which connects when it is first used. The caller closes it.

    Args:
        address: As `parse_address` returns it.
        token: Bearer token, sent with every call; in clear text only to this machine.
        tls_root: PEM file with the certificate that signed the server's; None for a plain connection.
        tls_identity: PEM file with the client's private key and certificate, where the server asks for one.
        options: Further ones of gRPC's.

    Raises:
        ConfigError: The token would travel in clear text, the certificate cannot be read, or this process was forked
            while gRPC was in use.
    """
    require_usable()
    if token is not None and tls_root is None and not is_local(address):
        raise ConfigError(f"the token would travel to {address} in clear text; give the server's certificate, tls_root")
    if tls_identity is not None and tls_root is None:
        raise ConfigError("tls_identity needs TLS; give the certificate that signed the server's, tls_root")
    options = [*_CHANNEL_OPTIONS, *options]
    if is_local(address):  # A proxy of the environment is another machine.
        options.append(("grpc.enable_http_proxy", 0))
    if tls_root is None:
        channel = grpc.insecure_channel(address, options=options)
    else:
        identity = None if tls_identity is None else _read(tls_identity)  # Each reader finds its own part in it.
        credentials = grpc.ssl_channel_credentials(_read(tls_root), private_key=identity, certificate_chain=identity)
        channel = grpc.secure_channel(address, credentials, options=options)
    return NotedChannel(channel if token is None else grpc.intercept_channel(channel, _TokenSender(token)))


def parse_address(address: str, default_port: int) -> str:
    """Brings an address into the form that gRPC dials.

    Args:
        address: `host`, `host:port`, `[ipv6]:port` or `unix:/path`.
        default_port: Port where none is given.

    Returns:
        `host:port` or `unix:/path`.

    Raises:
        ConfigError: It is none of these.
    """
    text = address.strip()
    if text.startswith("unix:"):
        return _parse_unix(text)
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+(?:%\w+)?\]|[^\s:/\[\]]+)(?::([0-9]+))?", text)
    if match is None:
        raise ConfigError(f'address "{address}" is not HOST:PORT, [IPV6]:PORT or unix:/PATH')
    port = int(match[2]) if match[2] else default_port
    if not 1 <= port <= _LARGEST_PORT:
        raise ConfigError(f'port {port} of address "{address}" is outside 1 to {_LARGEST_PORT}')
    return f"{match[1]}:{port}"


def _parse_unix(address: str) -> str:
    path = address.removeprefix("unix:")
    if path.startswith("//"):
        path = path[2:]
    length = len(path.encode())
    if not 1 <= length <= UNIX_PATH_MAX_BYTES:
        raise ConfigError(f"socket path of {length} bytes in {address}; it must have 1 to {UNIX_PATH_MAX_BYTES}")
    return f"unix:{path}"


def require_listenable(address: str) -> None:
    """Refuses an address that no server can listen on: gRPC would take port 99999 for 34463, and no port for 443.

    Args:
        address: Of a server; port 0 picks a free one.

    Raises:
        ConfigError: It is neither HOST:PORT, [IPV6]:PORT nor unix:/PATH, or the port or the path is out of range.
    """
    if address.startswith("unix:"):
        _parse_unix(address)
        return
    match = re.fullmatch(r"(?:\[[0-9A-Fa-f:.]+(?:%\w+)?\]|[^\s:/\[\]]+):([0-9]+)", address)
    if match is None:
        raise ConfigError(f'address "{address}" is not HOST:PORT, [IPV6]:PORT or unix:/PATH; port 0 picks a free one')
    if int(match[1]) > _LARGEST_PORT:
        raise ConfigError(f'port {match[1]} of address "{address}" is outside 0 to {_LARGEST_PORT}')


def is_local(address: str) -> bool:
    """Returns whether an address such as "127.0.0.1:0", "localhost:1" or "unix:/path" is of this machine alone."""
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    host, separator, port = address.rpartition(":")
    host = (host if separator and port.isdigit() else address).strip("[]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_token(path: Path) -> str:
    """Reads the first line of a token file.

    Raises:
        ConfigError: The file cannot be read, or the line is empty or holds what no header can carry.
    """
    if path.suffix == ".toml":
        raise ConfigError(f"{path} holds the tokens of all roles; give a file with the one token to send")
    token = _read(path).decode("utf-8-sig", errors="replace").partition("\n")[0].strip()
    if not token:
        raise ConfigError(f"token_file {path} is empty; write the token in its first line")
    if not (token.isascii() and token.isprintable()):
        raise ConfigError(f"the token in {path} is not printable ASCII; write another in its first line")
    return token


class _TokenSender(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Adds the bearer token to every call."""

    def __init__(self, token: str) -> None:
        self._metadata = ("authorization", f"Bearer {token}")

    def _send(self, continuation: Any, client_call_details: Any, request: Any) -> Any:  # noqa: ANN401
        return continuation(_with_metadata(client_call_details, self._metadata), request)

    _intercept: Any = _send  # gRPC's types would want four methods that differ in a parameter's name.
    intercept_unary_unary = intercept_unary_stream = intercept_stream_unary = intercept_stream_stream = _intercept


def _with_metadata(details: Any, entry: tuple[str, str]) -> grpc.ClientCallDetails:  # noqa: ANN401
    changed: Any = grpc.ClientCallDetails()
    for name in ("method", "timeout", "credentials", "wait_for_ready", "compression"):
        setattr(changed, name, getattr(details, name))
    changed.metadata = (*(details.metadata or ()), entry)
    return changed


def _warn_if_shared(path: Path) -> None:
    """Says that others on this machine can read a secret. A daemon that did not start for it would help nobody."""
    mode = path.stat().st_mode
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        logger.warning("others on this machine can read or change %s; run: chmod 600 %s", path, path)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
