"""Serves a virtual Franka Hand on TCP port 1338, to which libfranka's gripper client connects."""

import contextlib
import os
import select
import socket
import threading
import time
from collections.abc import Sequence
from typing import Self

from serl_api.lifetime.closing import ClosedOnExit
from simulator.virtual.fingers import Fingers, RigidFingers
from simulator.virtual.hand import protocol
from simulator.virtual.hand.hand import MAX_SPEED, Ended, Hand
from simulator.virtual.hand.protocol import Kind, Message

STROKE = 0.08
"""Largest opening of the Franka Hand with its own fingers, m."""
_TEMPERATURE = 30


class VirtualHand(ClosedOnExit):
    """Serves a hand on a host between `start` and `close`, or inside a `with` block.

    libfranka knows no other port than 1338, so each hand on one machine needs an address of its own; all of 127.0.0.0/8
    is loopback on Linux.

    Args:
        host: Address to serve.
        fingers: What it moves; rigid fingers when left out.
        is_homed: Whether it was homed before.
        homing_speed: How fast homing goes, m/s.
        version: Version of the protocol that it claims.
        rate_hz: States a second.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        fingers: Fingers | None = None,
        *,
        is_homed: bool = True,
        homing_speed: float = MAX_SPEED,
        version: int = protocol.VERSION,
        rate_hz: float = 100.0,
    ) -> None:
        self.host = host
        self.fingers = fingers or RigidFingers(STROKE)
        self.commands: list[Message] = []
        """What clients asked for, oldest first."""
        self.is_silent = False
        """Whether no states are sent."""
        self.is_stalled = False
        """Whether commands are accepted and nothing comes of them."""
        self._hand = Hand(self.fingers, STROKE, is_homed=is_homed, homing_speed=homing_speed)
        self._version = version
        self._period_s = 1.0 / rate_hz
        self._listener: socket.socket | None = None
        self._client: socket.socket | None = None
        self._states: socket.socket | None = None
        self._buffer = b""
        self._lock = threading.RLock()
        self._is_closing = False
        self._wake_reader, self._wake_writer = os.pipe()
        self._thread = threading.Thread(target=self._serve, name="virtual-hand", daemon=True)

    def start(self) -> None:
        """Begins to answer. Raises OSError when the address cannot be served."""
        self.plug()
        self._thread.start()

    def close(self) -> None:
        """Ends everything."""
        self._is_closing = True
        self.unplug()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)
        os.close(self._wake_reader)
        os.close(self._wake_writer)

    def unplug(self) -> None:
        """Breaks the connection and refuses new ones. The fingers follow their last command."""
        with self._lock:
            self._drop_client()
            if self._listener is not None:
                # A thread that waits for the socket keeps it open beyond `close`; this refuses clients at once.
                self._listener.shutdown(socket.SHUT_RDWR)
                self._listener.close()
                self._listener = None
        os.write(self._wake_writer, b"-")

    def plug(self) -> None:
        """Accepts connections again."""
        with self._lock:
            if self._listener is None:
                self._listener = socket.create_server((self.host, protocol.PORT))
        os.write(self._wake_writer, b"+")

    def __enter__(self) -> Self:
        self.start()
        return self

    def _serve(self) -> None:
        due = time.monotonic()
        while not self._is_closing:
            with self._lock:
                watched = [source for source in (self._listener, self._client) if source is not None]
            with contextlib.suppress(OSError, ValueError):  # A socket was closed by `unplug` meanwhile.
                ready, _, _ = select.select([*watched, self._wake_reader], [], [], max(0.0, due - time.monotonic()))
                if self._wake_reader in ready:
                    os.read(self._wake_reader, 64)
                with self._lock:
                    self._receive(ready)
            if time.monotonic() >= due:
                due = max(due + self._period_s, time.monotonic())
                with self._lock:
                    self._tick()

    def _receive(self, ready: Sequence[object]) -> None:
        if self._listener is not None and self._listener in ready:
            connection, _ = self._listener.accept()
            self._drop_client()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._client, self._buffer = connection, b""
        elif self._client is not None and self._client in ready:
            try:
                data = self._client.recv(4096)
                self._buffer += data
                if not data:
                    raise ValueError("the client left")
                message, self._buffer = protocol.split(self._buffer)
                while message is not None:
                    self._take(message)
                    message, self._buffer = protocol.split(self._buffer)
            except (OSError, ValueError):
                self._drop_client()

    def _take(self, message: Message) -> None:
        if message.kind is Kind.CONNECT:
            self._connect(message)
            return
        self.commands.append(message)
        if not self.is_stalled:
            self._tell(self._hand.begin(message))

    def _connect(self, message: Message) -> None:
        assert self._client is not None
        version, port = message.values
        fits = version == self._version
        self._client.sendall(protocol.answer(message, 0 if fits else 1, self._version))
        if fits:
            states = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            states.bind((self.host, 0))
            states.connect((self._client.getpeername()[0], int(port)))
            self._states = states

    def _tick(self) -> None:
        try:
            state, is_grasped, ended = self._hand.advance()
        except OSError:  # The fingers are those of a virtual arm, which is not there: no states, as without power.
            return
        self._tell(ended)
        if self._states is not None and not self.is_silent:
            time_ms = int(time.monotonic() * 1000)
            data = protocol.state(time_ms, state.width, self._hand.max_width, _TEMPERATURE, grasped=is_grasped)
            with contextlib.suppress(OSError):  # The client has gone; its TCP connection tells.
                self._states.send(data)

    def _tell(self, ended: list[Ended]) -> None:
        for end in ended:
            with contextlib.suppress(OSError):
                if self._client is not None:
                    self._client.sendall(protocol.answer(end.message, end.outcome))

    def _drop_client(self) -> None:
        for connection in (self._client, self._states):
            if connection is not None:
                connection.close()
        self._client = self._states = None
