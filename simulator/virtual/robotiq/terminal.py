"""Emulates a serial cable by two pseudo-terminals: a server at one end, a port that can be unplugged at the other."""

import contextlib
import os
import select
import threading
import tty
from pathlib import Path


class _Terminal:
    """Opens a pseudo-terminal in raw mode. Its own end stays open, so that a client may come and go."""

    def __init__(self) -> None:
        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)

    def close(self) -> None:
        """Hangs up: whoever has the terminal open gets an error."""
        for descriptor in (self.master, self._slave):
            os.close(descriptor)


class TerminalPair:
    """Passes bytes between a server's terminal and a client's port.

    Args:
        link: Name of the client's port, a symbolic link that outlives unplugging as /dev/serial/by-id does.
    """

    def __init__(self, link: Path) -> None:
        self.client_port = str(link)
        """Port that a client opens while it is plugged in."""
        self._link = link
        self._lock = threading.Lock()
        self._server = _Terminal()
        self.server_port = self._server.path
        """Port where the server listens."""
        self._client: _Terminal | None = None
        self._wake_reader, self._wake_writer = os.pipe()
        self._is_closing = False
        self.plug()
        self._thread = threading.Thread(target=self._pass_on, name="terminal-pair", daemon=True)
        self._thread.start()

    def plug(self) -> None:
        """Makes the port appear; does nothing when it is there."""
        with self._lock:
            if self._client is None:
                self._client = _Terminal()
                self._unlink()
                self._link.symlink_to(self._client.path)
                os.write(self._wake_writer, b"+")

    def unplug(self) -> None:
        """Makes the port vanish, also for a client that has it open."""
        with self._lock:
            if self._client is not None:
                self._unlink()
                self._client.close()
                self._client = None
                os.write(self._wake_writer, b"-")

    def close(self) -> None:
        """Ends the cable and removes the port."""
        self.unplug()
        self._is_closing = True
        os.write(self._wake_writer, b"x")
        self._thread.join(timeout=5.0)
        self._server.close()
        os.close(self._wake_reader)
        os.close(self._wake_writer)

    def _unlink(self) -> None:
        if self._link.is_symlink():
            self._link.unlink()

    def _pass_on(self) -> None:
        while not self._is_closing:
            with self._lock:
                client = None if self._client is None else self._client.master
            watched = [self._server.master, self._wake_reader] + ([] if client is None else [client])
            try:
                ready, _, _ = select.select(watched, [], [])
            except OSError:  # Unplugged between the two lines above.
                continue
            if self._wake_reader in ready:
                os.read(self._wake_reader, 64)
                continue
            self._copy(ready, client)

    def _copy(self, ready: list[int], client: int | None) -> None:
        with self._lock, contextlib.suppress(OSError):
            is_plugged = self._client is not None and self._client.master == client
            if self._server.master in ready:
                data = os.read(self._server.master, 4096)
                if is_plugged and client is not None:
                    os.write(client, data)
            if is_plugged and client in ready:
                os.write(self._server.master, os.read(client, 4096))
