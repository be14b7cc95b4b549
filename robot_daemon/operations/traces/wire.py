"""Listens to the datagrams between an arm and its client on a network card. Sends nothing, delays nothing."""

import socket
import struct
from dataclasses import dataclass

from robot_daemon.operations.traces.trace_file import Datagram, Direction, TraceError
from serl_api.lifetime.closing import ClosedOnExit

STATE_SIZE, COMMAND_SIZE = 1377, 371
"""Bytes of a state and of a command of FCI server version 10."""
_IPV4, _UDP = 0x0800, 17
_EVERY_CARD = ""
_SO_TIMESTAMPNS = 35
_STAMP = struct.Struct("@qq")
_BUFFER_BYTES = 8 << 20
"""What the kernel keeps while the recorder does something else: seconds."""
_LONGEST = 4096


@dataclass(frozen=True, kw_only=True)
class Udp:
    """Holds one UDP datagram with its addresses."""

    source: str
    destination: str
    payload: bytes


class Wire(ClosedOnExit):
    """Hears states and commands of one arm.

    Args:
        host: IPv4 address of the arm.
        card: Name of the network card; empty for all.

    Raises:
        TraceError: This account may not listen, or there is no such card.
    """

    def __init__(self, host: str, card: str = _EVERY_CARD) -> None:
        self._host = host
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_IPV4))
        except PermissionError:
            text = "only root may listen to a network card"
            raise TraceError(f"{text}; run it with sudo, or give its Python the capability cap_net_raw") from None
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        try:
            if card:
                self._socket.bind((card, _IPV4))
        except OSError as error:
            self._socket.close()
            raise TraceError(f"there is no network card {card} ({error.strerror}); `ip link` lists them") from None

    def hear(self, timeout_s: float) -> Datagram | None:
        """Waits for the next packet; None where none came in time, or it was another's."""
        self._socket.settimeout(timeout_s)
        try:
            packet, ancillary, _, address = self._socket.recvmsg(_LONGEST, socket.CMSG_SPACE(_STAMP.size))
        except TimeoutError:
            return None
        if address[2] == socket.PACKET_OUTGOING and address[0] == "lo":
            return None  # On loopback each packet is seen going and coming.
        udp = parse_udp(packet)
        if udp is None:
            return None
        direction = self._direction(udp)
        return None if direction is None else Datagram(direction, _stamp(ancillary), udp.payload)

    def close(self) -> None:
        """Stops listening."""
        self._socket.close()

    def _direction(self, udp: Udp) -> Direction | None:
        if udp.source == self._host and len(udp.payload) == STATE_SIZE:
            return Direction.STATE
        if udp.destination == self._host and len(udp.payload) == COMMAND_SIZE:
            return Direction.COMMAND
        return None


def parse_udp(packet: bytes) -> Udp | None:
    """Reads an IPv4 packet; None where it is no whole UDP datagram, such as a fragment."""
    if len(packet) < 28 or packet[0] >> 4 != 4 or packet[9] != _UDP:
        return None
    start = (packet[0] & 0x0F) * 4
    is_fragment = int.from_bytes(packet[6:8], "big") & 0x3FFF
    length = int.from_bytes(packet[start + 4 : start + 6], "big")
    if is_fragment or length < 8 or len(packet) < start + length:
        return None
    return Udp(
        source=socket.inet_ntoa(packet[12:16]),
        destination=socket.inet_ntoa(packet[16:20]),
        payload=packet[start + 8 : start + length],
    )


def _stamp(ancillary: list[tuple[int, int, bytes]]) -> int:
    """Returns the kernel's stamp of a packet, ns since the Unix epoch."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, nanoseconds = _STAMP.unpack_from(data)
            return seconds * 1_000_000_000 + nanoseconds
    raise TraceError("this kernel stamps no packets; record on Linux 2.6.22 or later")
