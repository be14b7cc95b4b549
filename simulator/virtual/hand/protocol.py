"""Packs and parses messages of the Franka Hand's server, version 3: commands over TCP, states over UDP.

Source: the research interface that libfranka speaks to TCP port 1338 (headers of libfranka-common).
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

PORT = 1338
VERSION = 3

_HEADER = struct.Struct("<HII")  # Command, number of the command, size of the whole message.
_STATUS = struct.Struct("<H")
_CONNECT = struct.Struct("<HH")  # Version, UDP port of the client.
_GRASP = struct.Struct("<5d")  # Width, inner and outer tolerance, speed, force.
_MOVE = struct.Struct("<2d")  # Width, speed.
_STATE = struct.Struct("<Idd?H")  # Time in ms, width, largest width, grasped, temperature.


class Kind(IntEnum):
    """Enumerates the commands."""

    CONNECT = 0
    HOMING = 1
    GRASP = 2
    MOVE = 3
    STOP = 4


class Outcome(IntEnum):
    """Enumerates how a command ended."""

    SUCCESS = 0
    FAIL = 1
    UNSUCCESSFUL = 2
    ABORTED = 3


@dataclass(frozen=True)
class Message:
    """Holds one command of the client."""

    kind: Kind
    number: int
    values: tuple[float, ...]
    """Connect: version, port. Grasp: width, inner, outer, speed, force. Move: width, speed."""


def split(buffer: bytes) -> tuple[Message | None, bytes]:
    """Splits what came in into the first whole message and the rest; ValueError for what is no message."""
    if len(buffer) < _HEADER.size:
        return None, buffer
    kind, number, size = _HEADER.unpack_from(buffer)
    layout = {Kind.CONNECT: _CONNECT, Kind.GRASP: _GRASP, Kind.MOVE: _MOVE}.get(Kind(kind))
    if size != _HEADER.size + (layout.size if layout else 0):
        raise ValueError(f"command {kind} with {size} bytes")
    if len(buffer) < size:
        return None, buffer
    values = layout.unpack_from(buffer, _HEADER.size) if layout else ()
    return Message(Kind(kind), number, values), buffer[size:]


def answer(message: Message, outcome: int, version: int | None = None) -> bytes:
    """Packs the answer to a command; the one to connect also holds the server's version."""
    body = _STATUS.pack(outcome) + (b"" if version is None else _STATUS.pack(version))
    return _HEADER.pack(message.kind, message.number, _HEADER.size + len(body)) + body


def state(time_ms: int, width: float, max_width: float, temperature: int, *, grasped: bool) -> bytes:
    """Packs one state: ms, m, m, degrees Celsius."""
    return _STATE.pack(time_ms & 0xFFFFFFFF, width, max_width, grasped, temperature)
