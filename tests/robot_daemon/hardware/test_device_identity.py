"""One device has one identity, however the cell's file writes it."""

import socket
from types import SimpleNamespace

import pytest

from robot_daemon.drivers.fake.cell import FakeArmOptions
from robot_daemon.drivers.franka.options import FrankaOptions
from robot_daemon.drivers.realsense.options import RealsenseOptions
from robot_daemon.drivers.robotiq.options import RobotiqOptions
from robot_daemon.drivers.webcam import WebcamOptions
from robot_daemon.hardware.device_identity import device_identity


def test_a_serial_line_is_known_behind_its_lasting_name(tmp_path):
    line, name = tmp_path / "ttyUSB0", tmp_path / "usb-FTDI-if00"
    name.symlink_to(line)
    assert device_identity(RobotiqOptions(port=str(name))) == str(line)
    assert device_identity(RobotiqOptions(port="tcp://10.0.0.9:502")) == "tcp://10.0.0.9:502"


def test_a_host_is_known_by_its_address():
    assert device_identity(FrankaOptions(host="localhost")) == device_identity(FrankaOptions(host="127.0.0.1"))
    assert device_identity(SimpleNamespace(ip="10.0.0.7", port=30004)) == "10.0.0.7:30004"


def test_cameras_are_known_by_serial_number_or_device(tmp_path):
    assert device_identity(RealsenseOptions(serial="218622277164")) == "218622277164"
    assert device_identity(WebcamOptions(device="3")) == device_identity(WebcamOptions(device="/dev/video3"))


@pytest.mark.parametrize("kind", ["recording", "video", "fake", "socket"])
def test_what_many_programs_may_read_has_none(kind, tmp_path):
    file = tmp_path / "video.mp4"
    file.touch()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        options = {
            "recording": RealsenseOptions(recording=file),
            "video": WebcamOptions(device=str(file)),
            "fake": FakeArmOptions(),
            "socket": SimpleNamespace(path=str(tmp_path / "s")),
        }[kind]
        assert device_identity(options) is None
