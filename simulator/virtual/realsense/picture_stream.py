"""Defines how pictures of virtual cameras travel over a Unix socket: first what the camera is, then frame after frame.

A client says which camera it wants in one line of JSON; the answer is one line of JSON with the camera's facts, or with
an "error". Each frame is a header and RGB pixels.
"""

import json
import select
import socket
import struct
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_HEADER = struct.Struct("<QQII")  # Number, instant, width, height.
_LONGEST_LINE = 4096


class PictureError(Exception):
    """Raised when there are no such pictures; the message is one sentence for people."""


@dataclass(frozen=True, kw_only=True)
class CameraFacts:
    """Describes a virtual camera."""

    width: int
    """px."""
    height: int
    """px."""
    rate_hz: int
    """Frames a second, at best."""
    focal: float
    """Focal length, in widths of the picture."""


@dataclass(frozen=True, eq=False)
class Picture:
    """Holds one frame."""

    number: int
    """Gaps are frames that nobody took in time."""
    time_ns: int
    """Instant that it shows, ns on the machine's monotonic clock."""
    rgb: NDArray[np.uint8]
    """Shape (height, width, 3)."""


def pack_answer(facts: CameraFacts | None, error: str = "") -> bytes:
    """Packs the answer to a client's line."""
    return json.dumps({"error": error} if facts is None else asdict(facts)).encode() + b"\n"


def pack_picture(picture: Picture) -> bytes:
    """Packs one frame."""
    height, width, _ = picture.rgb.shape
    return _HEADER.pack(picture.number, picture.time_ns, width, height) + picture.rgb.tobytes()


class PictureClient:
    """Receives the pictures of one camera. For one thread.

    Args:
        path: Socket of `serl-virtual cameras`.
        camera: Name of the camera.
        timeout_s: How long the answer may take.

    Raises:
        OSError: Nobody listens there, or answers.
        PictureError: There is no such camera.
    """

    def __init__(self, path: Path, camera: str, timeout_s: float = 30.0) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        self._buffer = bytearray()
        try:
            self._socket.connect(str(path))
            self._socket.sendall(json.dumps({"camera": camera}).encode() + b"\n")
            answer = json.loads(self._read_line())
        except (OSError, ValueError):
            self._socket.close()
            raise
        if "error" in answer:
            self._socket.close()
            raise PictureError(answer["error"])
        self.facts = CameraFacts(**answer)
        """What the camera is."""

    def read(self, timeout_s: float) -> Picture | None:
        """Waits for the next picture; None when none came whole in time. Raises OSError when none will come."""
        deadline = time.monotonic() + timeout_s
        while (picture := self._take()) is None:
            left = deadline - time.monotonic()
            if left <= 0.0 or not select.select([self._socket], [], [], left)[0]:
                return None
            data = self._socket.recv(1 << 20)
            if not data:
                raise ConnectionError("the virtual cameras have ended")
            self._buffer += data
        return picture

    def close(self) -> None:
        """Ends the connection."""
        self._socket.close()

    def _take(self) -> Picture | None:
        if len(self._buffer) < _HEADER.size:
            return None
        number, time_ns, width, height = _HEADER.unpack_from(self._buffer)
        end = _HEADER.size + width * height * 3
        if len(self._buffer) < end:
            return None
        rgb = np.frombuffer(bytes(self._buffer[_HEADER.size : end]), np.uint8).reshape(height, width, 3)
        del self._buffer[:end]
        return Picture(number, time_ns, rgb)

    def _read_line(self) -> bytes:
        while b"\n" not in self._buffer:
            data = self._socket.recv(_LONGEST_LINE)
            if not data:
                raise ConnectionError("the virtual cameras closed the connection")
            self._buffer += data
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer = bytearray(rest)
        return line
