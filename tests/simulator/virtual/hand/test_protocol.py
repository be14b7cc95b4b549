import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.virtual.hand.protocol import Kind, Message, answer, split, state

MOVE = bytes.fromhex("0300010000001a0000007b14ae47e17aa43f9a9999999999b93f")
GRASP = bytes.fromhex(
    "020002000000320000007b14ae47e17a943f7b14ae47e17a743ffa7e6abc7493783f9a9999999999b93f0000000000004440"
)


def test_what_libfranka_sends_is_understood():
    assert split(MOVE) == (Message(Kind.MOVE, 1, (0.04, 0.1)), b"")
    assert split(GRASP) == (Message(Kind.GRASP, 2, (0.02, 0.005, 0.006, 0.1, 40.0)), b"")
    assert split(bytes.fromhex("0000000000000e0000000300fe97")) == (Message(Kind.CONNECT, 0, (3, 0x97FE)), b"")
    assert split(bytes.fromhex("0400060000000a000000")) == (Message(Kind.STOP, 6, ()), b"")


@given(st.lists(st.sampled_from([MOVE, GRASP]), max_size=4), st.integers(1, 20))
def test_messages_are_found_however_they_arrive(messages, size):
    stream, buffer, found = b"".join(messages), b"", []
    for start in range(0, len(stream), size):
        buffer += stream[start : start + size]
        message, buffer = split(buffer)
        while message is not None:
            found.append(message)
            message, buffer = split(buffer)
    assert found == [split(message)[0] for message in messages]
    assert buffer == b""


@pytest.mark.parametrize("data", [b"\x09\x00" + bytes(8), b"\x03\x00" + bytes(4) + b"\x0b" + bytes(3)])
def test_what_is_no_message_is_refused(data):
    with pytest.raises(ValueError, match=r"9|command 3 with 11 bytes"):
        split(data)


def test_answers_and_states_have_their_layout():
    message = Message(Kind.MOVE, 5, (0.0, 0.1))
    assert answer(message, 3).hex() == "0300050000000c0000000300"
    assert answer(message, 0, version=3).hex() == "0300050000000e00000000000300"
    data = state(2**32 + 5, 0.04, 0.08, 30, grasped=True)
    assert len(data) == 23
    assert struct.unpack("<Idd?H", data) == (5, 0.04, 0.08, True, 30)
