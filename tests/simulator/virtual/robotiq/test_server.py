"""The golden frames of the manual against pymodbus, which knows nothing of this project's client."""

import socket
from pathlib import Path

import pytest
import serial

from simulator.virtual.robotiq import VirtualRobotiq

pytestmark = pytest.mark.real_time


class Canned:
    """Firmware that always reports the same."""

    def __init__(self, status):
        self.status = bytes.fromhex(status)
        self.written = []

    def read(self):
        return self.status

    def write(self, command):
        self.written.append(command.hex())


def ask(virtual, request, length):
    with serial.Serial(virtual.port, 115200, timeout=1.0) as port:
        port.write(bytes.fromhex(request))
        return port.read(length).hex()


@pytest.mark.parametrize(
    ("request_", "command"),
    [
        ("091003e80003060000000000007330", "000000000000"),
        ("091003e800030601000000000072e1", "010000000000"),
        ("091003e8000306090000ffffff4229", "090000ffffff"),
        ("091003e800030609000000ffff7219", "09000000ffff"),
    ],
)
def test_the_commands_of_the_manual_are_accepted_and_acknowledged(request_, command):
    with VirtualRobotiq() as virtual:
        virtual.firmware = Canned("000000000000")
        assert ask(virtual, request_, 8) == "091003e800030130"
        assert virtual.firmware.written == [command]


@pytest.mark.parametrize(
    ("request_", "status", "answer"),
    [
        ("090407d00001300f", "110000000000", "090402110054a1"),
        ("090407d00001300f", "310000000000", "09040231004d61"),
        ("090307d0000185cf", "310000000000", "09030231004c15"),
        ("090407d00003b1ce", "b90000ffbd00", "090406b90000ffbd005c9a"),
        ("090407d00003b1ce", "f90000000d00", "090406f90000000d0017aa"),
        ("090407d00003b1ce", "39000000bb10", "09040639000000bb107106"),
    ],
)
def test_the_answers_are_those_of_the_manual(request_, status, answer):
    with VirtualRobotiq() as virtual:
        virtual.firmware = Canned(status)
        assert ask(virtual, request_, len(answer) // 2) == answer


def test_another_slave_gets_no_answer():
    with VirtualRobotiq(slave_id=3) as virtual, serial.Serial(virtual.port, timeout=0.1) as port:
        port.write(bytes.fromhex("090407d00001300f"))
        assert port.read(1) == b""


def test_a_silent_gripper_obeys_all_the_same():
    with VirtualRobotiq() as virtual:
        virtual.firmware = Canned("000000000000")
        virtual.is_silent = True
        with serial.Serial(virtual.port, timeout=0.1) as port:
            port.write(bytes.fromhex("091003e8000306090000ffffff4229"))
            assert port.read(1) == b""
        assert virtual.firmware.written == ["090000ffffff"]


def test_the_port_has_the_asked_name_comes_and_goes(tmp_path):
    link = tmp_path / "gripper"
    with VirtualRobotiq(link=link) as virtual:
        assert virtual.port == str(link)
        for _ in range(3):
            virtual.unplug()
            assert not link.is_symlink()
            virtual.plug()
            assert ask(virtual, "090407d00001300f", 7).startswith("090402")
    assert not link.is_symlink()


def test_a_folder_of_its_own_is_removed_again():
    with VirtualRobotiq() as virtual:
        folder = Path(virtual.port).parent
        assert folder.is_dir()
    assert not folder.exists()


def test_the_same_frames_travel_over_tcp():
    with VirtualRobotiq(tcp=("127.0.0.1", 0)) as virtual:
        port = virtual.port
        number = int(port.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", number), timeout=2.0) as connection:
            connection.sendall(bytes.fromhex("090407d00001300f"))
            assert connection.recv(100).hex()[:6] == "090402"
        virtual.unplug()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", number), timeout=2.0)
        virtual.plug()
        assert virtual.port == port


def test_an_address_in_use_is_told():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        virtual = VirtualRobotiq(tcp=("127.0.0.1", taken.getsockname()[1]))
        with pytest.raises(OSError, match=r"cannot listen on tcp://127\.0\.0\.1"):
            virtual.start()
