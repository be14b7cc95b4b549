"""Emulates a serial cable by two pseudo-terminals: a server at one end, a port that can be unplugged at the other."""

import asyncio
import contextlib
import os
import tty
from pathlib import Path


class _Terminal:
    """Opens a pseudo-terminal in raw mode. Its own end stays open, so that a client may come and go."""

    def __init__(self) -> None:
        self.master, self._slave = os.openpty()
        os.set_blocking(self.master, False)  # What nobody reads is lost at last, as on a line.
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)

    def pass_on(self, other: "_Terminal | None") -> None:
        """Writes what has come to another terminal; without one it is lost."""
        with contextlib.suppress(OSError):
            data = os.read(self.master, 4096)
            if other is not None:
                os.write(other.master, data)

    def close(self) -> None:
        """Hangs up: whoever has the terminal open gets an error."""
        for descriptor in (self.master, self._slave):
            os.close(descriptor)


class TerminalPair:
    """Passes bytes between a server's terminal and a client's port. For the thread of the event loop that runs.

    Args:
        link: Name of the client's port, a symbolic link that outlives unplugging as /dev/serial/by-id does.
    """

    def __init__(self, link: Path) -> None:
        self._link = link
        self._loop = asyncio.get_running_loop()
        self._client: _Terminal | None = None
        self._server = _Terminal()
        self.server_port = self._server.path
        """Port where the server listens."""
        self._loop.add_reader(self._server.master, lambda: self._server.pass_on(self._client))

    def plug(self) -> None:
        """Makes the port appear; does nothing when it is there."""
        if self._client is None:
            self._client = client = _Terminal()
            self._loop.add_reader(client.master, client.pass_on, self._server)
            self._unlink()
            self._link.symlink_to(client.path)

    def unplug(self) -> None:
        """Makes the port vanish, also for a client that has it open."""
        if self._client is not None:
            self._unlink()
            self._loop.remove_reader(self._client.master)
            self._client.close()
            self._client = None

    def close(self) -> None:
        """Ends the cable and removes the port."""
        self.unplug()
        self._loop.remove_reader(self._server.master)
        self._server.close()

    def _unlink(self) -> None:
        if self._link.is_symlink():
            self._link.unlink()
