"""Serves a virtual Franka Hand on TCP port 1338, to which libfranka's gripper client connects."""

import asyncio
import contextlib
import socket
import time

from simulator.virtual.fingers import Fingers, RigidFingers
from simulator.virtual.hand import protocol
from simulator.virtual.hand.hand import MAX_SPEED, Ended, Hand
from simulator.virtual.hand.protocol import Kind, Message
from simulator.virtual.loop_device import LoopDevice

STROKE = 0.08
"""Largest opening of the Franka Hand with its own fingers, m."""
_TEMPERATURE = 30


class VirtualHand(LoopDevice):
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
        super().__init__("virtual-hand")
        self.host = host
        self.fingers = fingers or RigidFingers(STROKE)
        self.commands: list[Message] = []
        """What clients asked for, oldest first."""
        self.is_stalled = False
        """Whether commands are accepted and nothing comes of them."""
        self._hand = Hand(self.fingers, STROKE, is_homed=is_homed, homing_speed=homing_speed)
        self._version = version
        self._period_s = 1.0 / rate_hz
        self._server: asyncio.Server | None = None
        self._client: asyncio.StreamWriter | None = None
        self._states: socket.socket | None = None
        self._ticking: asyncio.Task[None] | None = None

    async def _listen(self) -> None:
        if self._server is None:
            listener = socket.create_server((self.host, protocol.PORT))
            self._server = await asyncio.start_server(self._talk, sock=listener)
        if self._ticking is None:
            self._ticking = asyncio.create_task(self._tick_forever())

    async def _hang_up(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._drop_client()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves a client until it leaves or talks nonsense; a newer one takes its place."""
        self._drop_client()
        self._client, buffer = writer, b""
        with contextlib.suppress(OSError, ValueError):
            while (data := await reader.read(4096)) and self._client is writer:
                message, buffer = protocol.split(buffer + data)
                while message is not None:
                    self._take(message)
                    message, buffer = protocol.split(buffer)
        if self._client is writer:
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
        self._client.write(protocol.answer(message, 0 if fits else 1, self._version))
        if fits:
            states = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            states.bind((self.host, 0))
            states.connect((self._client.get_extra_info("peername")[0], int(port)))
            self._states = states

    async def _tick_forever(self) -> None:
        due_s = time.monotonic()
        while True:
            self._tick()
            due_s = max(due_s + self._period_s, time.monotonic())
            await asyncio.sleep(due_s - time.monotonic())

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
            if self._client is not None:
                self._client.write(protocol.answer(end.message, end.outcome))

    def _drop_client(self) -> None:
        for connection in (self._client, self._states):
            if connection is not None:
                connection.close()
        self._client = self._states = None
