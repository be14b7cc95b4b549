"""Implements a Modbus RTU client: one request at a time over a line, each frame with its check.

Sources: "Modbus Application Protocol" V1.1b3 (functions 3, 4 and 16) and "Modbus over Serial Line" V1.02 (address,
CRC-16, silence between frames). Registers are 16 bits, high byte first; the check is sent low byte first.
"""

import time
from typing import Protocol

READ_HOLDING = 3
READ_INPUT = 4
WRITE_MULTIPLE = 16
EXCEPTION_BIT = 0x80
FRAME_GAP_S = 0.00175
"""Silence that separates two frames above 19200 baud, s."""

STRAY_ZEROS = 4
"""Zero bytes in front of an answer that are skipped: many RS-485 adapters make one when they turn the line around."""

_BUSY = {5: "it has begun and will take its time", 6: "it is busy"}
_EXCEPTIONS = {1: "unknown function", 2: "unknown register", 3: "wrong value", 4: "device failure"}


class LineLostError(Exception):
    """Raised when the line itself is gone, as when an adapter is unplugged."""


class AnswerError(Exception):
    """Raised when a request did not succeed over a line that is there."""


class NoAnswerError(AnswerError):
    """Raised when nobody answered in time."""


class GarbledAnswerError(AnswerError):
    """Raised when what came back is not the answer to the request."""


class RefusedError(AnswerError):
    """Raised when the device answered with an exception."""


class BusyError(AnswerError):
    """Raised when the device answered that it cannot do this now; it is there, and may be asked again."""


class Line(Protocol):
    """Carries bytes both ways. Every method raises LineLostError when the line is gone."""

    def write(self, data: bytes) -> None:
        """Sends all of it."""
        ...

    def read(self, count: int) -> bytes:
        """Waits for a number of bytes; fewer after the line's timeout."""
        ...

    def discard(self) -> None:
        """Throws away what came in and was not read."""
        ...

    def close(self) -> None:
        """Lets go of the line; never raises."""
        ...


def crc16(data: bytes) -> int:
    """Computes the Modbus CRC-16: reflected polynomial 0xA001, start 0xFFFF."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def frame(slave_id: int, body: bytes) -> bytes:
    """Makes a frame: address, body, check."""
    data = bytes((slave_id,)) + body
    return data + crc16(data).to_bytes(2, "little")


def read_request(function: int, address: int, count: int) -> bytes:
    """Makes the body that asks for `count` registers from `address` on."""
    return bytes((function,)) + address.to_bytes(2, "big") + count.to_bytes(2, "big")


def write_request(address: int, values: bytes) -> bytes:
    """Makes the body that sets registers from `address` on to two bytes each of `values`."""
    count = len(values) // 2
    return (
        bytes((WRITE_MULTIPLE,))
        + address.to_bytes(2, "big")
        + count.to_bytes(2, "big")
        + bytes((len(values),))
        + values
    )


class ModbusClient:
    """Reads and writes the registers of one slave (1 to 247), and closes the line. For one thread."""

    def __init__(self, line: Line, slave_id: int) -> None:
        self._line = line
        self._slave_id = slave_id
        self._quiet_since = 0.0

    def read_registers(self, function: int, address: int, count: int) -> bytes:
        """Reads the contents of `count` registers, two bytes each.

        Raises:
            AnswerError: No answer, a garbled one, or a refusal.
            LineLostError: The line is gone.
        """
        answer = self._exchange(read_request(function, address, count), 3 + 2 * count)
        if answer[2] != 2 * count:
            raise GarbledAnswerError(f"it holds {answer[2]} bytes instead of {2 * count}")
        return answer[3:]

    def write_registers(self, address: int, values: bytes) -> None:
        """Sets registers; returns when the slave has acknowledged. Raises like `read_registers`."""
        body = write_request(address, values)
        answer = self._exchange(body, 6)
        if answer[1:] != body[:5]:
            raise GarbledAnswerError("it acknowledges other registers than were written")

    def close(self) -> None:
        """Lets go of the line."""
        self._line.close()

    def _exchange(self, body: bytes, length: int) -> bytes:
        """Sends a request; returns the answer of `length` bytes without its check."""
        gap = self._quiet_since + FRAME_GAP_S - time.monotonic()
        if gap > 0.0:
            time.sleep(gap)
        self._line.discard()  # A late answer to an earlier request must not pass for the answer to this one.
        self._line.write(frame(self._slave_id, body))
        try:
            return self._receive(body[0], length)
        finally:
            self._quiet_since = time.monotonic()

    def _receive(self, function: int, length: int) -> bytes:
        data = self._line.read(3)
        for _ in range(STRAY_ZEROS):
            if len(data) == 3 and data[0] == 0:
                data = data[1:] + self._line.read(1)
        if len(data) == 3:
            is_refusal = data[1] == function | EXCEPTION_BIT
            data += self._line.read(2 if is_refusal else length - 1)
        if not data:
            raise NoAnswerError("nobody answered")
        if len(data) < 5 or crc16(data[:-2]) != int.from_bytes(data[-2:], "little"):
            raise GarbledAnswerError(f"its check is wrong: {data.hex(' ')}")
        if data[0] != self._slave_id:
            raise GarbledAnswerError(f"it comes from slave {data[0]}")
        if data[1] == function | EXCEPTION_BIT and data[2] in _BUSY:
            raise BusyError(f"{_BUSY[data[2]]} (Modbus exception {data[2]})")
        if data[1] == function | EXCEPTION_BIT:
            raise RefusedError(f"it refused: {_EXCEPTIONS.get(data[2], 'unknown reason')} (Modbus exception {data[2]})")
        if data[1] != function:
            raise GarbledAnswerError(f"it answers function {data[1]} instead of {function}")
        return data[:-2]
