"""A TCP proxy whose network falls silent without closing, as behind a pulled cable or a stopped process."""

import contextlib
import socket
import threading


class SilentProxy:
    """Forwards connections of loopback to a server until `fall_silent`; then nothing passes and nothing closes.

    Args:
        target: "host:port" of the server.
    """

    def __init__(self, target):
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._silent = threading.Event()
        self._sockets = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._run(self._accept)

    def fall_silent(self):
        """Swallows from now on every byte in either direction; connections stay open, and new ones get no answer."""
        self._silent.set()

    def close(self):
        """Closes everything."""
        for item in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                item.shutdown(socket.SHUT_RDWR)
            item.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near = self._listener.accept()[0]
                far = socket.create_connection(self._target)
                self._sockets += [near, far]
                self._run(self._forward, near, far)
                self._run(self._forward, far, near)

    def _forward(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not self._silent.is_set():
                    sink.sendall(data)
            if not self._silent.is_set():
                sink.shutdown(socket.SHUT_WR)

    def _run(self, work, *arguments):
        threading.Thread(target=work, args=arguments, daemon=True).start()
