"""A TCP proxy whose network delays, loses, cuts and falls silent, as it is told."""

import contextlib
import queue
import random
import socket
import threading
import time

RETRANSMISSION_S = 0.2
"""How long TCP on Linux waits at least before it sends again what was lost; what follows waits behind it."""


class BadNetwork:
    """Forwards connections of loopback to a server; `delay_s` and `loss` may be changed at any time.

    Args:
        target: "host:port" of the server.
        seed: Seed of the losses.
    """

    def __init__(self, target, seed=0):
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._rng = random.Random(seed)
        self._connections = set()
        self._passes = threading.Event()
        self._passes.set()
        self.delay_s = 0.0
        """How long each byte is on its way, s."""
        self.loss = 0.0
        """Share of packets that are lost once, and sent again after the time that TCP takes."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def fall_silent(self):
        """Swallows every byte of open connections without closing them; new ones are answered after `recover`."""
        self._passes.clear()
        for connection in list(self._connections):
            connection.is_silent = True

    def recover(self):
        """Lets new connections through; those that fell silent stay so."""
        self._passes.set()

    def cut(self):
        """Resets every connection."""
        for connection in list(self._connections):
            connection.close()

    def close(self):
        """Closes everything."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._passes.set()
        self.cut()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def arrival_s(self):
        """When a packet that is sent now arrives."""
        late_s = 0.0
        while self.loss and self._rng.random() < self.loss:
            late_s = 2 * late_s + RETRANSMISSION_S
        return time.monotonic() + self.delay_s + late_s

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near = self._listener.accept()[0]
                self._passes.wait()
                try:
                    far = socket.create_connection(self._target)
                except OSError:  # Nobody listens there now.
                    near.close()
                    continue
                self._connections.add(_Connection(self, near, far))

    def forget(self, connection):
        """Lets go of a connection that has ended."""
        self._connections.discard(connection)


class _Connection:
    """Both directions of a connection, each with a thread that reads and one that delivers."""

    def __init__(self, network, near, far):
        self._network = network
        self._sockets = (near, far)
        self.is_silent = False
        for source, sink in ((near, far), (far, near)):
            on_its_way = queue.SimpleQueue()
            threading.Thread(target=self._read, args=(source, on_its_way), daemon=True).start()
            threading.Thread(target=self._deliver, args=(on_its_way, sink), daemon=True).start()

    def close(self):
        """Ends it on both sides."""
        self._network.forget(self)
        for item in self._sockets:
            with contextlib.suppress(OSError):
                item.shutdown(socket.SHUT_RDWR)
            item.close()

    def _read(self, source, on_its_way):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                on_its_way.put((self._network.arrival_s(), data))
        on_its_way.put((0.0, b""))

    def _deliver(self, on_its_way, sink):
        with contextlib.suppress(OSError):
            while True:
                due, data = on_its_way.get()
                time.sleep(max(0.0, due - time.monotonic()))
                if self.is_silent:
                    continue
                if not data:
                    break
                sink.sendall(data)
        if not self.is_silent:
            self.close()
