"""The server process over plain sockets: what libfranka never sends, and what the arm says then."""

import contextlib
import itertools
import os
import signal
import socket
import struct
import time

import numpy as np
import pytest

from simulator.devices.world import World
from simulator.model.arm_table import ARMS
from simulator.virtual.fci import ControlError, VirtualFciProcess
from simulator.virtual.fci.controller.control_box import FIRST_COMMAND_CYCLES
from simulator.virtual.fci.protocol import (
    HEADER,
    MOTION_COMMAND,
    STATE,
    Command,
    MoveStatus,
    Request,
    RobotMode,
)
from simulator.virtual.fci.server import CATCH_UP_NS, DUE_NS, MAX_LAG_NS, PERIOD_NS
from tests.support.fci_requests import pack_request
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real_time


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

    def newest_state(self):
        """The last of the states that wait here, or the next one."""
        state = self.state()
        self.states.settimeout(0.0)
        with contextlib.suppress(BlockingIOError):
            while True:
                state = self.state()
        self.states.settimeout(10.0)
        return state

    def start_motion(self):
        """Asks for torque control; the answer is the first byte of the payload."""
        return self.ask(Command.MOVE, struct.pack("<II3d3dB7d", 2, 4, *[1.0] * 6, 0, *[0.0] * 7))

    def send_command(self, message_id, **fields):
        command = np.zeros(1, dtype=MOTION_COMMAND)
        command["message_id"] = message_id
        for name, value in fields.items():
            command[name] = value
        self.states.sendto(command.tobytes(), self.sender)

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
    fci.clear()
    wait_until(lambda: fci.state()["client"] is None)


@pytest.fixture
def mover(fci, client):
    """A client that has started torque control and has sent its first command."""
    client.connect()
    client.state()
    client.ask(Command.AUTOMATIC_ERROR_RECOVERY)
    assert client.start_motion() == bytes([MoveStatus.MOTION_STARTED])
    answer_until(client, lambda: fci.log()["has_command"][-1] == 1)
    return client


def answer_until(client, condition, **fields):
    """Answers every state until something is true."""
    deadline = time.monotonic() + 20.0
    for count in itertools.count():
        client.send_command(int(client.newest_state()["message_id"]), **fields)
        if count % 20 == 0 and condition():
            return
        assert time.monotonic() < deadline, "it did not happen"


def cycles_of_last_motion(records):
    """Records of the last motion."""
    moving = records["robot_mode"] == RobotMode.MOVE
    last = np.flatnonzero(moving)[-1]
    first = np.flatnonzero(~moving[: last + 1])[-1] + 1
    return records[first : last + 1]


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


def test_a_motion_of_plain_sockets_ends_when_they_say_so(fci, mover):
    answer_until(mover, lambda: not fci.state()["in_motion"], torque_command_finished=1)
    assert mover.read(HEADER.size + 1)[-1] == MoveStatus.SUCCESS
    assert fci.state()["robot_mode"] == "IDLE"


def test_commands_to_older_states_count_as_lost(fci, mover):
    deadline = time.monotonic() + 20.0
    while fci.state()["in_motion"]:
        mover.send_command(int(mover.newest_state()["message_id"]) - 3)
        assert time.monotonic() < deadline
    assert fci.state()["faults"] == ["communication_constraints_violation"]
    assert cycles_of_last_motion(fci.log())["has_command"][-100:].sum() == 0


def test_a_motion_ends_with_the_connection_not_with_the_lost_packets(fci, client):
    client.connect()
    client.ask(Command.AUTOMATIC_ERROR_RECOVERY)
    client.start_motion()
    client.close()
    wait_until(lambda: not fci.state()["in_motion"])
    assert fci.state()["faults"] == ["communication_constraints_violation"]
    assert len(cycles_of_last_motion(fci.log())) < FIRST_COMMAND_CYCLES - 100


def test_after_a_pause_of_the_machine_the_arm_catches_up_and_blames_nobody(fci, mover):
    first = fci.state()["cycle"]
    os.kill(fci.pid, signal.SIGSTOP)
    time.sleep(0.1)  # The pause itself, not a wait for something.
    os.kill(fci.pid, signal.SIGCONT)
    wait_until(lambda: fci.log()["cycle"][-1] > first + 300)
    records = fci.log()
    records = records[records["cycle"] >= first]
    deadlines = records["time_ns"] - records["lateness_ns"]
    if records["lateness_ns"].max() < MAX_LAG_NS:
        assert set(np.diff(deadlines)) == {PERIOD_NS}
    is_short = np.diff(records["time_ns"]) < DUE_NS
    assert is_short.sum() > 50
    assert np.diff(records["missed"])[is_short].sum() == 0
    assert np.diff(records["time_ns"]).min() >= CATCH_UP_NS - 1000


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
    wait_until(lambda: np.diff(fci.log()["time_ns"]).max() > 350_000_000)
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
    again.state()
    again.close()


def test_the_scene_can_be_drawn_elsewhere(fci):
    scene = fci.scene()
    world = World(scene["task"], ARMS[scene["arm"]], scene["seed"])
    world.physics.data.qpos[:] = scene["qpos"]
    world.physics.settle_state()
    drawn = world.tracked_objects()[0].pose.position
    np.testing.assert_allclose(drawn, fci.state()["objects"]["cube"]["position"], atol=1e-3)
    assert 0 <= time.monotonic_ns() - scene["time_ns"] < 60e9


def test_the_gripper_and_the_scene_are_reached_through_the_control_channel(fci):
    fci.set_gripper(0.02, speed=0.15, force=40.0)
    wait_until(lambda: fci.gripper()["width"] == pytest.approx(0.02, abs=2e-3))
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
