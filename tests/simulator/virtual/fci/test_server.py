"""The server process over plain sockets: what libfranka never sends, and what the arm says then."""

import contextlib
import socket
import struct
import time

import numpy as np
import pytest

from simulator.arm_table import ARMS
from simulator.tasks import TASKS
from simulator.virtual.fci import ControlError, VirtualFciProcess
from simulator.virtual.fci.protocol import HEADER, STATE, Command, Request, RobotMode, pack_request
from simulator.world import World


class RawClient:
    """A client made of two sockets."""

    def __init__(self, host, *, version=10):
        self.states = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.states.bind(("127.0.0.1", 0))
        self.states.settimeout(10.0)
        self.tcp = socket.create_connection((host, 1337), timeout=10.0)
        self.version = version

    def connect(self):
        """Status and version of the answer to CONNECT."""
        return struct.unpack("<BH", self.ask(Command.CONNECT, struct.pack("<HH", self.version, self.port)))

    @property
    def port(self):
        return self.states.getsockname()[1]

    def ask(self, command, payload=b""):
        self.tcp.sendall(pack_request(Request(command=command, command_id=1, payload=payload)))
        _, _, size = HEADER.unpack(self.read(HEADER.size))
        return self.read(size - HEADER.size)

    def read(self, size):
        data = b""
        while len(data) < size:
            part = self.tcp.recv(size - len(data))
            if not part:
                raise ConnectionError("closed")
            data += part
        return data

    def is_closed(self):
        """Waits for the end of the connection."""
        with contextlib.suppress(ConnectionError):
            while self.tcp.recv(4096):
                pass
        return True

    def state(self):
        datagram, self.sender = self.states.recvfrom(4096)
        assert len(datagram) == STATE.itemsize
        return np.frombuffer(datagram, STATE)[0]

    def close(self):
        self.tcp.close()
        self.states.close()


@pytest.fixture(scope="module")
def fci():
    with VirtualFciProcess(arm="fr3", task="pick-cube", lost_packet_limit=200) as process:
        yield process


@pytest.fixture
def client(fci):
    raw = RawClient(fci.host)
    yield raw
    raw.close()
    wait_for(lambda: fci.state()["client"] is None)


def wait_for(condition, timeout_s=20.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def test_states_come_at_once_and_count_up(fci, client):
    assert client.connect() == (0, 10)
    states = [client.state() for _ in range(20)]
    assert np.all(np.diff([state["message_id"] for state in states]) > 0)
    np.testing.assert_allclose(states[-1]["q"], fci.state()["positions"], atol=1e-5)
    assert states[-1]["m_ee"] == pytest.approx(0.9)
    assert states[-1]["robot_mode"] == RobotMode.IDLE


def test_the_model_is_urdf_of_the_same_arm(client):
    client.connect()
    answer = client.ask(Command.GET_ROBOT_MODEL)
    assert answer[0] == 0
    assert b'robot name="fr3"' in answer
    assert b'link name="link8"' in answer


def test_another_version_is_answered_and_let_go(fci):
    raw = RawClient(fci.host, version=9)
    assert raw.connect() == (1, 10)
    assert raw.is_closed()
    raw.close()
    assert "it speaks version 9, this server 10" in fci.messages()


def test_a_second_client_is_refused_while_one_is_connected(fci, client):
    client.connect()
    second = RawClient(fci.host)
    assert second.is_closed()
    second.close()
    assert "an arm obeys one" in fci.messages()
    assert client.state()["robot_mode"] == RobotMode.IDLE


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (struct.pack("<III", 99, 1, 12), "command 99 is unknown"),
        (struct.pack("<III", Command.MOVE, 1, 50), "MOVE has 50 bytes and needs 125"),
        (struct.pack("<III", Command.MOVE, 1, 125) + struct.pack("<II", 7, 7) + bytes(105), "controller 7"),
    ],
)
def test_a_malformed_request_closes_the_connection_with_a_sentence(fci, client, message, sentence):
    client.connect()
    client.tcp.sendall(message)
    assert client.is_closed()
    assert sentence in fci.messages()


def test_nothing_is_obeyed_before_connect(fci, client):
    client.tcp.sendall(pack_request(Request(command=Command.STOP_MOVE, command_id=1, payload=b"")))
    assert client.is_closed()
    assert "before CONNECT" in fci.messages()


def test_a_short_motion_command_closes_the_connection(fci, client):
    client.connect()
    client.state()
    client.states.sendto(b"short", client.sender)
    assert client.is_closed()
    assert "motion command of 5 bytes instead of 371" in fci.messages()


def test_dropped_states_are_missing(fci, client):
    client.connect()
    fci.inject("drop", fraction=0.5, direction="states")
    first = int(client.state()["message_id"])
    received = 1
    while (number := int(client.state()["message_id"])) < first + 400:
        received += 1
    fci.clear()
    assert 0.3 < received / (number - first) < 0.7


def test_a_stall_stops_the_arms_time(fci, client):
    client.connect()
    client.state()
    fci.inject("stall", seconds=0.4)
    wait_for(lambda: np.diff(fci.log()["time_ns"]).max() > 350_000_000)
    records = fci.log()
    gap = int(np.argmax(np.diff(records["time_ns"])))
    assert records["cycle"][gap + 1] == records["cycle"][gap] + 1
    client.state()


def test_a_client_that_closes_and_connects_again_between_two_cycles_is_no_second_one(fci, client):
    client.connect()
    client.state()
    fci.inject("stall", seconds=0.3)
    client.close()
    again = RawClient(fci.host)
    assert again.connect() == (0, 10)
    assert again.state()["robot_mode"] == RobotMode.IDLE
    again.close()


def test_the_scene_can_be_drawn_elsewhere(fci):
    scene = fci.scene()
    world = World(TASKS[scene["task"]], ARMS[scene["arm"]], scene["seed"])
    world.physics.data.qpos[:] = scene["qpos"]
    world.physics.settle_state()
    drawn = world.tracked_objects()[0].position
    np.testing.assert_allclose(drawn, fci.state()["objects"]["cube"]["position"], atol=1e-3)
    assert 0 <= time.monotonic_ns() - scene["time_ns"] < 60e9


def test_the_gripper_and_the_scene_are_reached_through_the_control_channel(fci):
    fci.set_gripper(0.02, speed=0.15, force=40.0)
    wait_for(lambda: fci.gripper()["width"] == pytest.approx(0.02, abs=2e-3))
    assert not fci.gripper()["object_held"]
    fci.set_gripper(0.085)
    before = fci.state()["objects"]["cube"]["position"]
    fci.reset_scene(11)
    assert fci.state()["objects"]["cube"]["position"] != pytest.approx(before, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "values", "sentence"),
    [
        ("explode", {}, "there is no request 'explode'"),
        ("drop", {"fraction": 2}, "fraction is 2"),
        ("drop", {"fraction": 0.1, "direction": "up"}, 'direction is "up"'),
        ("stall", {"seconds": "long"}, "seconds is 'long'"),
        ("reflex", {"kind": "sneeze"}, 'no reflex "sneeze"'),
        ("wrench", {"force": [1, 2]}, "three numbers"),
        ("place", {"positions": [0.0] * 6}, "7 numbers"),
        ("set_gripper", {"width": -1}, "width is -1"),
    ],
)
def test_a_wrong_injection_is_one_sentence(fci, name, values, sentence):
    with pytest.raises(ControlError, match=sentence):
        fci.inject(name, **values)


def test_a_taken_address_is_one_sentence(fci):
    with (
        pytest.raises(RuntimeError, match=f"{fci.host}:1337 cannot be served"),
        VirtualFciProcess(host=fci.host),
    ):
        pass
