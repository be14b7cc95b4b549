"""Talks to the service manager as sd_notify(3) says: one datagram a message to the socket in $NOTIFY_SOCKET."""

import contextlib
import os
import socket
from collections.abc import Mapping


class Notifier:
    """Sends messages to the service manager; sends nothing when there is none. Safe to call from any thread.

    Args:
        address: Path of the socket, "@name" for an abstract one; empty when there is no service manager.
        watchdog_s: Silence after which the service manager kills the process, s; 0 when it does not watch.
    """

    def __init__(self, address: str = "", watchdog_s: float = 0.0) -> None:
        self.watchdog_s = watchdog_s
        self._socket: socket.socket | None = None
        if address.startswith(("/", "@")):
            self._address = f"\0{address[1:]}" if address.startswith("@") else address
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.settimeout(0.0)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Notifier":
        """Makes one from systemd's variables; WATCHDOG_PID of another process means that nobody watches this one."""
        environment = os.environ if environment is None else environment
        watched = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        interval = environment.get("WATCHDOG_USEC", "") if watched else ""
        seconds = int(interval) * 1e-6 if interval.isdecimal() else 0.0
        return cls(environment.get("NOTIFY_SOCKET", ""), seconds)

    def ready(self, status: str) -> None:
        """Reports that the daemon answers calls."""
        self._send(f"READY=1\nSTATUS={status}")

    def status(self, text: str) -> None:
        """Sends one line for `systemctl status`."""
        self._send(f"STATUS={text}")

    def alive(self) -> None:
        """Feeds the watchdog."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Reports that the daemon begins to stop."""
        self._send("STOPPING=1\nSTATUS=stopping; the arm holds")

    def close(self) -> None:
        """Closes the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, message: str) -> None:
        # A full or vanished socket must not stop the arm; what is lost is a line of status or one feed of many.
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.sendto(message.encode(), self._address)
