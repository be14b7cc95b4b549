"""Speaks with one policy server: asks for actions, with a deadline."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from serl_api.lifetime.closing import ClosedOnExit
from serl_api.security import is_local
from serl_rl.errors import RemotePolicyError
from serl_rl.policies.remote.wire import WireError, pack, unpack

_LARGEST_MESSAGE_BYTES = 64 * 1024 * 1024
_CLOSE_TIMEOUT_S = 1.0


class PolicyConnection(ClosedOnExit):
    """Holds a connection to a policy server of openpi's protocol. Connects when made; a context manager.

    Args:
        address: `host:port`, or a `ws://` or `wss://` address.
        api_key: Sent with the request, where the server wants one; None for none.
        timeout_s: How long the server may take to connect, and to answer.

    Raises:
        RemotePolicyError: No policy server answers there.
    """

    def __init__(self, address: str, *, api_key: str | None = None, timeout_s: float = 10.0) -> None:
        self.address = address
        self._timeout_s = timeout_s
        uri = address if "://" in address else f"ws://{address}"
        _check_address(address, uri, sends_key=api_key is not None)
        headers = {} if api_key is None else {"Authorization": f"Api-Key {api_key}"}
        self._closing = contextlib.ExitStack()
        try:
            socket = connect(
                uri,
                compression=None,
                additional_headers=headers,
                open_timeout=timeout_s,
                close_timeout=_CLOSE_TIMEOUT_S,
                max_size=_LARGEST_MESSAGE_BYTES,
                ping_interval=None,  # A server that computes answers no ping; each request has its own deadline.
                proxy=None,
            )
            self._socket: ClientConnection = self._closing.enter_context(socket)
        except (OSError, ValueError, WebSocketException) as error:
            raise RemotePolicyError(
                f"no policy server answers at {address} ({error}); start it, or correct the address"
            ) from error
        try:
            self.metadata = self._receive()
            """What the server says of itself, first of all."""
        except BaseException:
            self.close()
            raise

    def infer(self, observation: Mapping[str, Any]) -> dict[str, Any]:
        """Sends an observation and returns the answer.

        Raises:
            RemotePolicyError: The server refused it, answered something else, not in time, or is gone; the connection
                is closed then.
        """
        try:
            self._socket.send(pack(observation))
            return self._receive()
        except RemotePolicyError:
            self.close()
            raise
        except (OSError, WebSocketException) as error:
            self.close()
            raise RemotePolicyError(
                f"the policy server at {self.address} has gone away ({error}); the arm holds; look at the server's log"
            ) from error

    def close(self) -> None:
        """Closes the connection. Safe to repeat."""
        with contextlib.suppress(OSError, WebSocketException):
            self._closing.close()

    def _receive(self) -> dict[str, Any]:
        started = time.monotonic()
        try:
            answer = self._socket.recv(self._timeout_s)
        except TimeoutError as error:
            raise RemotePolicyError(
                f"the policy server at {self.address} gave no answer for {time.monotonic() - started:.1f} s; the arm "
                "holds; look at the server, or give it longer with --answer-timeout-s"
            ) from error
        except (OSError, WebSocketException) as error:
            raise RemotePolicyError(
                f"the policy server at {self.address} has gone away ({error}); the arm holds; look at the server's log"
            ) from error
        if isinstance(answer, str):  # So it tells an error, with its traceback.
            lines = [line.strip() for line in answer.splitlines() if line.strip()]
            raise RemotePolicyError(
                f"the policy server at {self.address} refused: {lines[-1] if lines else 'no reason'}"
            )
        try:
            return unpack(answer)
        except WireError as error:
            raise RemotePolicyError(f"what answers at {self.address} is no policy server: {error}") from error


def _check_address(address: str, uri: str, *, sends_key: bool) -> None:
    parts = urlsplit(uri)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme not in ("ws", "wss") or not host or (port is None and "://" not in address):
        raise RemotePolicyError(
            f"the policy server's address is {address!r}; it must be host:port, ws://host:port or wss://host"
        )
    if sends_key and parts.scheme == "ws" and not is_local(host):
        raise RemotePolicyError(
            f"the key would go to {host} in clear text; take wss://, or a tunnel to an address of this machine"
        )
