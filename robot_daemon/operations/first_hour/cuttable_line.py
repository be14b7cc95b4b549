"""Forwards connections of loopback until it is cut, as behind a pulled cable: nothing passes, nothing closes."""

import contextlib
import socket
import threading
from collections.abc import Callable

from serl_api.lifetime.closing import ClosedOnExit


class CuttableLine(ClosedOnExit):
    """Stands between a client and a daemon.

    Args:
        target: "host:port" of the daemon.
    """

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._is_cut = threading.Event()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        """Where the client connects."""
        _run(self._accept)

    def cut(self) -> None:
        """Swallows every byte from now on."""
        self._is_cut.set()

    def close(self) -> None:
        """Closes everything."""
        for item in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                item.shutdown(socket.SHUT_RDWR)
            item.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near = self._listener.accept()[0]
                far = socket.create_connection(self._target)
                self._sockets += [near, far]
                _run(lambda near=near, far=far: self._forward(near, far))
                _run(lambda near=near, far=far: self._forward(far, near))

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not self._is_cut.is_set():
                    sink.sendall(data)
            if not self._is_cut.is_set():
                sink.shutdown(socket.SHUT_WR)


def _run(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="cuttable-line", daemon=True).start()
