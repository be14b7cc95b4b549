"""Serves a virtual Robotiq gripper: pymodbus answers RTU frames, on a serial port or over TCP."""

import tempfile
from collections import deque
from pathlib import Path
from typing import Any

from pymodbus.constants import ExcCodes
from pymodbus.framer import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from simulator.virtual.fingers import Fingers, RigidFingers
from simulator.virtual.loop_device import LoopDevice, let_transports_close
from simulator.virtual.robotiq.firmware import TWO_FINGER_85, Firmware, Ratings
from simulator.virtual.robotiq.terminal import TerminalPair

COMMAND_ADDRESS = 1000
STATUS_ADDRESS = 2000
_ANY_SLAVE = 0
_BAUDRATE = 115200


class VirtualRobotiq(LoopDevice):
    """Serves a gripper on `port` between `start` and `close`, or inside a `with` block.

    Args:
        fingers: What it moves; rigid fingers when left out.
        ratings: Which model it is.
        slave_id: Its Modbus address. Like the real one it is silent towards every other.
        link: Name that the serial port gets; one in a new folder when left out.
        tcp: Address to serve RTU over TCP on, instead of a serial port; port 0 picks one.
    """

    def __init__(
        self,
        fingers: Fingers | None = None,
        *,
        ratings: Ratings = TWO_FINGER_85,
        slave_id: int = 9,
        link: Path | None = None,
        tcp: tuple[str, int] | None = None,
    ) -> None:
        super().__init__("virtual-robotiq")
        self.fingers = fingers or RigidFingers(ratings.stroke)
        self.firmware = Firmware(self.fingers, ratings)
        self.frames: deque[tuple[str, bytes]] = deque(maxlen=2000)
        """What passed, oldest first: ("in" or "out", whole frame)."""
        self.is_garbled = False
        """Whether one bit of every answer flips on its way."""
        self.lost_answers = 0
        """How many of the next answers are lost on their way."""
        self._slave_id = slave_id
        self._link = link
        self._tcp = tcp
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._cable: TerminalPair | None = None
        self._server: ModbusSerialServer | ModbusTcpServer | None = None

    @property
    def port(self) -> str:
        """Returns the value of the key `port` of a cell's file."""
        return str(self._link) if self._tcp is None else f"tcp://{self._tcp[0]}:{self._tcp[1]}"

    def close(self) -> None:
        """Ends everything. Safe to repeat."""
        super().close()
        if self._folder is not None:
            self._folder.cleanup()

    async def _listen(self) -> None:
        if self._server is None:
            await self._serve()
        if self._cable is not None:
            self._cable.plug()

    async def _hang_up(self) -> None:
        if self._cable is not None:
            self._cable.unplug()
        else:
            await self._shut_down()

    async def _end(self) -> None:
        await self._shut_down()
        await let_transports_close()
        if self._cable is not None:
            self._cable.close()

    async def _serve(self) -> None:
        devices = [self._device(self._slave_id), self._device(_ANY_SLAVE)]
        if self._tcp is not None:
            server = ModbusTcpServer(devices, framer=FramerType.RTU, address=self._tcp, trace_packet=self._trace)
        else:
            if self._link is None:
                self._folder = tempfile.TemporaryDirectory(prefix="virtual-robotiq-")
                self._link = Path(self._folder.name) / "ttyRobotiq"
            self._cable = TerminalPair(self._link)
            port = self._cable.server_port
            server = ModbusSerialServer(devices, port=port, baudrate=_BAUDRATE, trace_packet=self._trace)
        try:
            await server.serve_forever(background=True)
        except RuntimeError:
            raise OSError(f"cannot listen on {self.port}; the address is in use or not of this machine") from None
        self._server = server
        if self._tcp is not None:
            listener: Any = server.transport
            self._tcp = (self._tcp[0], listener.sockets[0].getsockname()[1])

    async def _shut_down(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            await server.shutdown()

    def _device(self, slave_id: int) -> SimDevice:
        """Returns the gripper's registers, or those that swallow what is meant for other slaves."""
        registers = [
            SimData(COMMAND_ADDRESS, values=[0, 0, 0], datatype=DataType.REGISTERS),
            SimData(STATUS_ADDRESS, values=[0, 0, 0], datatype=DataType.REGISTERS),
        ]
        return SimDevice(slave_id, simdata=registers, action=self._act if slave_id == self._slave_id else None)

    async def _act(
        self,
        _function: int,
        start: int,
        address: int,
        _count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Hands writes to the firmware, and its status to reads."""
        try:
            self._exchange(start, address, registers, values)
        except OSError:  # The fingers are those of a virtual arm, which is not there.
            return ExcCodes.DEVICE_FAILURE
        return None

    def _exchange(self, start: int, address: int, registers: list[int], values: list[int] | list[bool] | None) -> None:
        first = COMMAND_ADDRESS - start
        if values is not None:
            words = registers[first : first + 3]
            words[address - COMMAND_ADDRESS : address - COMMAND_ADDRESS + len(values)] = [int(v) for v in values]
            self.firmware.write(b"".join(word.to_bytes(2, "big") for word in words[:3]))
            return
        status = self.firmware.read()
        first = STATUS_ADDRESS - start
        registers[first : first + 3] = [int.from_bytes(status[i : i + 2], "big") for i in (0, 2, 4)]

    def _trace(self, sending: bool, data: bytes) -> bytes:  # noqa: FBT001 - pymodbus calls it so.
        if not sending:
            if len(data) >= 8:
                self.frames.append(("in", data))
            return data
        if self.is_silent or data[0] != self._slave_id:
            return b""
        if self.lost_answers > 0:
            self.lost_answers -= 1
            return b""
        self.frames.append(("out", data))
        return bytes((*data[:3], data[3] ^ 1, *data[4:])) if self.is_garbled else data
