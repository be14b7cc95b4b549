import os
import socket
import struct
from itertools import count

import pytest

from simulator.virtual.hand import VirtualHand
from simulator.virtual.hand.protocol import PORT

pytestmark = pytest.mark.real_time

addresses = (f"127.{1 + os.getpid() % 250}.{os.getpid() // 250 % 250}.{100 + number}" for number in count(1))


@pytest.fixture
def virtual():
    with VirtualHand(next(addresses)) as served:
        yield served


def connect(virtual, version=3):
    states = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    states.bind(("127.0.0.1", 0))
    states.settimeout(2.0)
    commands = socket.create_connection((virtual.host, PORT), timeout=2.0)
    commands.sendall(struct.pack("<HIIHH", 0, 0, 14, version, states.getsockname()[1]))
    return commands, states, struct.unpack("<HIIHH", commands.recv(100))


def test_a_client_gets_states_at_once(virtual):
    commands, states, reply = connect(virtual)
    assert reply == (0, 0, 14, 0, 3)
    times = [struct.unpack("<Idd?H", states.recv(100)) for _ in range(5)]
    assert times[0][1:] == (0.08, 0.08, False, 30)
    assert times[-1][0] > times[0][0]
    commands.close()
    states.close()


def test_another_version_is_refused_and_gets_no_states(virtual):
    commands, states, reply = connect(virtual, version=2)
    assert reply == (0, 0, 14, 1, 3)
    states.settimeout(0.1)
    with pytest.raises(TimeoutError):
        states.recv(100)
    commands.close()
    states.close()


def test_a_move_is_answered_when_it_has_ended(virtual):
    commands, states, _ = connect(virtual)
    commands.sendall(struct.pack("<HIIdd", 3, 9, 26, 0.075, 0.1))
    assert struct.unpack("<HIIH", commands.recv(100)) == (3, 9, 12, 0)
    commands.close()
    states.close()


def test_unplugging_breaks_the_connection_and_plugging_serves_again(virtual):
    commands, states, _ = connect(virtual)
    virtual.unplug()
    assert commands.recv(100) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((virtual.host, PORT), timeout=2.0)
    virtual.plug()
    again, more, reply = connect(virtual)
    assert reply[3] == 0
    for connection in (commands, states, again, more):
        connection.close()


def test_noise_ends_the_connection(virtual):
    commands, states, _ = connect(virtual)
    commands.sendall(b"\xff" * 12)
    assert commands.recv(100) == b""
    commands.close()
    states.close()


def test_an_address_in_use_is_an_error(virtual):
    other = VirtualHand(virtual.host)
    with pytest.raises(OSError, match="in use"):
        other.start()
    other.close()
