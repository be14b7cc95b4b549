"""Who may connect: loopback by default; anyone else needs TLS and a bearer token, or the word insecure."""

import hmac
import ipaddress
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc

from robot_daemon.config.cell_config import ConfigError, ServerConfig
from serl_api.errors.robot import ROBOT_ERRORS, AuthenticationError

_OPEN_METHODS = "/grpc.health.v1.Health/"
"""What a load balancer asks without a token."""


def is_local(address: str) -> bool:
    """Whether only processes of this machine can reach an address."""
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_secure(config: ServerConfig) -> None:
    """Refuses to serve a network in the clear.

    Raises:
        ConfigError: The address is not local, TLS or token are missing, and `insecure` is not set.
    """
    if is_local(config.address) or config.insecure:
        return
    missing = [name for name in ("tls_certificate", "tls_key", "token_file") if getattr(config, name) is None]
    if missing:
        raise ConfigError(
            f"address {config.address} can be reached from the network, but {', '.join(missing)} is not set; "
            f"set it, listen on 127.0.0.1, or set insecure = true to let anyone there move the arm"
        )


def credentials(config: ServerConfig) -> grpc.ServerCredentials | None:
    """TLS credentials; None when none are configured.

    Raises:
        ConfigError: A file cannot be read.
    """
    if config.tls_certificate is None or config.tls_key is None:
        return None
    pair = (_read(config.tls_key), _read(config.tls_certificate))
    return grpc.ssl_server_credentials([pair])


def read_token(path: Path) -> str:
    """The first line of a file.

    Raises:
        ConfigError: The file cannot be read, or the line is empty.
    """
    token = _read(path).decode("utf-8", errors="replace").partition("\n")[0].strip()
    if not token:
        raise ConfigError(f"token_file {path} is empty; write the token in its first line")
    return token


class TokenInterceptor(grpc.ServerInterceptor):
    """Refuses every call without the bearer token, health checks apart."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode()
        self._refusal = grpc.stream_stream_rpc_method_handler(_refuse)  # Fits calls of every kind.

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        """Lets a call pass, or answers it with `BAD_TOKEN`."""
        if handler_call_details.method.startswith(_OPEN_METHODS):
            return continuation(handler_call_details)
        for key, value in handler_call_details.invocation_metadata or ():
            given = value if isinstance(value, bytes) else value.encode()
            if key == "authorization" and hmac.compare_digest(given, self._expected):
                return continuation(handler_call_details)
        return self._refusal


def _refuse(_requests: Iterator[object], context: grpc.ServicerContext) -> Iterator[object]:
    text = "the bearer token is missing or wrong; send metadata `authorization: Bearer TOKEN`"
    ROBOT_ERRORS.abort(context, AuthenticationError(text))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
