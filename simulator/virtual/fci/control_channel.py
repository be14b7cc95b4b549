"""Serves a Unix socket with one JSON object a line, for injections, ground truth and the gripper.

A request is `{"op": NAME, ...values}`; the answer is `{"ok": VALUE}` or `{"error": SENTENCE}`. The loop answers between
two cycles.
"""

import json
import select
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

Handler = Callable[[dict[str, Any]], Any]
"""Takes a request's values, returns what goes into the answer; raises ValueError with a sentence."""

_LONGEST_LINE = 65536


class ControlServer:
    """Answers on a Unix socket. Everything is non-blocking; `poll` is called once a cycle.

    Args:
        path: Socket to create; a dead one of that name is replaced.
        handler: Does what is asked.

    Raises:
        OSError: The socket cannot be created.
    """

    def __init__(self, path: Path, handler: Handler) -> None:
        self._path = path
        self._handler = handler
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(8)
        self._listener.settimeout(0.0)
        self._poller = select.poll()
        self._poller.register(self._listener, select.POLLIN)
        self._peers: dict[int, tuple[socket.socket, bytearray]] = {}

    def close(self) -> None:
        """Closes the socket and removes it."""
        for peer, _ in self._peers.values():
            peer.close()
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def poll(self) -> None:
        """Answers what has come."""
        for descriptor, _ in self._poller.poll(0):
            if descriptor == self._listener.fileno():
                peer, _address = self._listener.accept()
                self._peers[peer.fileno()] = (peer, bytearray())
                self._poller.register(peer, select.POLLIN)
            else:
                self._serve(descriptor)

    def _serve(self, descriptor: int) -> None:
        peer, buffer = self._peers[descriptor]
        try:
            data = peer.recv(_LONGEST_LINE)
            buffer += data
            while (end := buffer.find(b"\n")) >= 0:
                line = bytes(buffer[:end])
                del buffer[: end + 1]
                peer.sendall(json.dumps(self._answer(line)).encode() + b"\n")
        except OSError:
            data = b""
        if not data or len(buffer) > _LONGEST_LINE:
            self._poller.unregister(descriptor)
            del self._peers[descriptor]
            peer.close()

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                return {"error": "a request is a JSON object"}
            return {"ok": self._handler(request)}
        except (ValueError, TypeError, KeyError) as error:
            return {"error": str(error)}


class ControlError(Exception):
    """Raised when the server could not do what was asked; the text is its sentence."""


class ControlClient:
    """Sends requests to a `ControlServer`, from one thread at a time.

    Raises:
        OSError: Nobody listens there.
    """

    def __init__(self, path: Path, timeout_s: float = 10.0) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise
        self._stream = self._socket.makefile("rb")

    def ask(self, op: str, **values: Any) -> Any:  # noqa: ANN401
        """Sends a request and returns the answer.

        Raises:
            ControlError: The server refused.
            OSError: The server has gone or is too slow.
        """
        self._socket.sendall(json.dumps({"op": op, **values}).encode() + b"\n")
        line = self._stream.readline()
        if not line:
            raise ConnectionError("the virtual arm has closed its control channel")
        answer = json.loads(line)
        if "error" in answer:
            raise ControlError(answer["error"])
        return answer["ok"]

    def close(self) -> None:
        """Closes the connection."""
        self._stream.close()
        self._socket.close()
