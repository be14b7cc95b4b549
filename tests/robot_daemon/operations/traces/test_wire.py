"""What is on the wire: datagrams of the arm and of its client, and nothing else."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_daemon.operations.traces.trace_file import Direction, TraceError
from robot_daemon.operations.traces.wire import COMMAND_SIZE, STATE_SIZE, Wire, parse_udp


def packet(payload, *, options=b"", protocol=17, fragment=0, padding=b""):
    """An IPv4 packet from 10.0.0.1 to 10.0.0.2 as a card delivers it."""
    words = 5 + len(options) // 4
    total = 4 * words + 8 + len(payload)
    addresses = socket.inet_aton("10.0.0.1"), socket.inet_aton("10.0.0.2")
    head = struct.pack(">BBHHHBBH4s4s", 0x40 | words, 0, total, 1, fragment, 64, protocol, 0, *addresses)
    return head + options + struct.pack(">HHHH", 1, 2, 8 + len(payload), 0) + payload + padding


@given(payload=st.binary(max_size=1400), words=st.integers(0, 10), padding=st.binary(max_size=46))
def test_a_datagram_is_read_with_options_and_padding(payload, words, padding):
    udp = parse_udp(packet(payload, options=bytes(4 * words), padding=padding))
    assert udp is not None
    assert (udp.source, udp.destination, udp.payload) == ("10.0.0.1", "10.0.0.2", payload)


@given(st.binary(max_size=80))
def test_no_bytes_break_it(data):
    parse_udp(data)


@pytest.mark.parametrize(
    "other", [packet(b"x" * 40, protocol=6), packet(b"x" * 40, fragment=0x2000), packet(b"x" * 40)[:50]]
)
def test_what_is_no_whole_datagram_is_left_out(other):
    assert parse_udp(other) is None


@pytest.fixture
def wire():
    try:
        with Wire("127.0.5.9", "lo") as made:
            yield made
    except TraceError as error:
        pytest.skip(str(error))


def test_states_and_commands_of_one_arm_are_heard_once_each(wire):
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as arm,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pc,
    ):
        arm.bind(("127.0.5.9", 0))
        pc.bind(("127.0.0.1", 0))
        arm.sendto(b"s" * STATE_SIZE, pc.getsockname())
        arm.sendto(b"something else", pc.getsockname())
        pc.sendto(b"c" * COMMAND_SIZE, arm.getsockname())
        pc.sendto(b"s" * STATE_SIZE, arm.getsockname())
        heard = [found for _ in range(200) if (found := wire.hear(0.01)) is not None]
    assert [(found.direction, found.payload[:1]) for found in heard] == [
        (Direction.STATE, b"s"),
        (Direction.COMMAND, b"c"),
    ]
    assert heard[0].time_ns <= heard[1].time_ns


def test_a_card_that_is_not_there_is_one_sentence(wire):
    with pytest.raises(TraceError, match="there is no network card nothing0"):
        Wire("127.0.5.9", "nothing0")
