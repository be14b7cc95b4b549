"""Recovers an arm that stands in a reflex without setting anything, which franky cannot.

franky's constructor sets thresholds of contact. Should an arm refuse that in a reflex, no Robot could ever be built to
recover it. libfranka itself needs three messages; this speaks those alone, in the protocol of server version 10, and
tells an arm of another version nothing.
"""

import logging
import socket
import struct
import time

logger = logging.getLogger(__name__)

PORT = 1337
VERSION = 10
_HEADER = struct.Struct("<III")  # Command, number of the command, size of the whole message.
_CONNECT, _RECOVER = 0, 10
_SUCCESS = 0


def recover_bare(host: str, timeout_s: float) -> bool:
    """Asks an arm to recover from its errors, by libfranka's protocol; returns whether it did.

    It may creep back inside its position limits, as by `Robot.recover_from_errors`.

    Args:
        host: Address of the arm; nobody else may be connected to it.
        timeout_s: How long all of it may take, s.
    """
    deadline = time.monotonic() + timeout_s
    try:
        with (
            socket.create_connection((host, PORT), timeout_s) as arm,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as states,  # The arm sends its states somewhere.
        ):
            states.bind(("", 0))
            udp_port = states.getsockname()[1]
            if _ask(arm, _CONNECT, 1, struct.pack("<HH", VERSION, udp_port), deadline) != _SUCCESS:
                return False
            return _ask(arm, _RECOVER, 2, b"", deadline) == _SUCCESS
    except OSError as error:
        logger.warning("the arm at %s could not be recovered: %s", host, error)
        return False


def _ask(arm: socket.socket, command: int, number: int, payload: bytes, deadline: float) -> int:
    """Sends a command and returns the status of its answer. Raises OSError when none comes in time."""
    arm.sendall(_HEADER.pack(command, number, _HEADER.size + len(payload)) + payload)
    while True:
        said, to, size = _HEADER.unpack(_read(arm, _HEADER.size, deadline))
        body = _read(arm, size - _HEADER.size, deadline)
        if (said, to) == (command, number) and body:
            return body[0]


def _read(arm: socket.socket, size: int, deadline: float) -> bytes:
    data = b""
    while len(data) < size:
        arm.settimeout(max(deadline - time.monotonic(), 0.001))
        part = arm.recv(size - len(data))
        if not part:
            raise ConnectionError("it closed the connection")
        data += part
    return data
