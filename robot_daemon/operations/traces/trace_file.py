"""Writes and reads traces: the datagrams of an arm and of its client, whole, in compressed blocks that a crash spares.

The file is one line of JSON, the header, then blocks. A block is `BLOCK` (size and CRC-32 of what follows) and that
many bytes of zlib. Unpacked they are records: `RECORD` (direction, size, time) and the datagram as it was on the wire.
A block that is not whole is the end of the file.
"""

import json
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from serl_api.lifetime.closing import ClosedOnExit
from serl_api.sentence import SentenceError

FORMAT, VERSION = "serl-trace", 1
BLOCK = struct.Struct("<II")
"""Size of the compressed bytes, CRC-32 of them."""
RECORD = struct.Struct("<BHq")
"""Direction, size of the datagram, time of its arrival at the recorder, ns since the Unix epoch."""
BLOCK_RECORDS = 256
"""Datagrams in a block: at most a quarter of a second is lost to a crash."""
_LEVEL = 3
_LONGEST_HEADER = 65536
_LONGEST_BLOCK = 64 << 20
_LONGEST_UNPACKED = BLOCK_RECORDS * (RECORD.size + 0xFFFF) + 1


class Direction(IntEnum):
    """Says who sent a datagram."""

    STATE = 0
    """The arm."""
    COMMAND = 1
    """Its client."""


class Datagram(NamedTuple):
    """Holds one datagram."""

    direction: Direction
    time_ns: int
    """When it came, ns since the Unix epoch."""
    payload: bytes


class TraceError(SentenceError):
    """Raised for a trace that cannot be read or written; one sentence."""


@dataclass(frozen=True, eq=False)
class Trace:
    """Holds a whole trace."""

    header: dict[str, Any]
    """Format, version, and facts such as the arm's address."""
    datagrams: list[Datagram]
    """In the order in which they came."""
    is_whole: bool
    """Whether the file ended with a whole block; what was cut off is not among the datagrams."""


class TraceWriter(ClosedOnExit):
    """Appends datagrams to a new trace.

    Args:
        path: The file, which must not exist.
        facts: What the header says beside format and version; JSON values.

    Raises:
        TraceError: The file exists already or cannot be written.
    """

    def __init__(self, path: Path, facts: dict[str, Any]) -> None:
        try:
            self._file: BinaryIO = path.open("xb")
        except FileExistsError:
            raise TraceError(f"{path} exists already; give another file, or move it away") from None
        except OSError as error:
            raise TraceError(f"{path} cannot be written ({error.strerror}); give another file") from None
        self.count = 0
        """Datagrams so far."""
        self._waiting: list[bytes] = []
        self._file.write(json.dumps({"format": FORMAT, "version": VERSION, **facts}).encode() + b"\n")
        self._file.flush()

    def add(self, datagram: Datagram) -> None:
        """Takes a datagram in; writes a block once it is full."""
        self._waiting.append(RECORD.pack(datagram.direction, len(datagram.payload), datagram.time_ns))
        self._waiting.append(datagram.payload)
        self.count += 1
        if self.count % BLOCK_RECORDS == 0:
            self._write_block()

    def close(self) -> None:
        """Writes what waits, and closes the file."""
        if not self._file.closed:
            self._write_block()
            os.fsync(self._file.fileno())
            self._file.close()

    def _write_block(self) -> None:
        if self._waiting:
            packed = zlib.compress(b"".join(self._waiting), _LEVEL)
            self._waiting.clear()
            self._file.write(BLOCK.pack(len(packed), zlib.crc32(packed)) + packed)
            self._file.flush()


def read_trace(path: Path) -> Trace:
    """Reads a trace; its datagrams are in the order of their stamps.

    Raises:
        TraceError: It cannot be read, is none, or of a later version.
    """
    try:
        with path.open("rb") as file:
            header = _header(path, file.readline(_LONGEST_HEADER))
            datagrams: list[Datagram] = []
            is_whole = True
            while is_whole and (head := file.read(BLOCK.size)):
                block = _block(head, file)
                is_whole = block is not None
                datagrams.extend(() if block is None else _records(block))
    except OSError as error:
        raise TraceError(f"{path} cannot be read ({error.strerror})") from None
    except (ValueError, struct.error, zlib.error) as error:  # Its checksum is right, so it was written like this.
        raise TraceError(f"{path} holds a block that is none of datagrams ({error}); record it again") from None
    # Two cores may hand over in another order what the network card stamped.
    datagrams.sort(key=lambda datagram: datagram.time_ns)
    return Trace(header, datagrams, is_whole)


def _header(path: Path, line: bytes) -> dict[str, Any]:
    try:
        header = json.loads(line)
        known = header["format"], header["version"]
    except (ValueError, KeyError, TypeError):
        raise TraceError(f"{path} is no trace; `robot-daemon record-trace` makes one") from None
    if known != (FORMAT, VERSION):
        raise TraceError(f"{path} is of format {known[0]}, version {known[1]}; this reads {FORMAT}, {VERSION}")
    return header


def _block(head: bytes, file: BinaryIO) -> bytes | None:
    """Returns the records of a block; None where it is not whole."""
    if len(head) < BLOCK.size:
        return None
    size, checksum = BLOCK.unpack(head)
    if size > _LONGEST_BLOCK:
        return None
    packed = file.read(size)
    if len(packed) < size or zlib.crc32(packed) != checksum:
        return None
    unpacker = zlib.decompressobj()
    block = unpacker.decompress(packed, _LONGEST_UNPACKED)
    if not unpacker.eof:
        raise ValueError(f"its content is cut, or longer than {_LONGEST_UNPACKED} bytes")
    return block


def _records(block: bytes) -> Iterator[Datagram]:
    offset = 0
    while offset < len(block):
        direction, size, time_ns = RECORD.unpack_from(block, offset)
        offset += RECORD.size
        if offset + size > len(block):
            raise ValueError("its last datagram is cut")
        yield Datagram(Direction(direction), time_ns, block[offset : offset + size])
        offset += size
