import os
import socket
import subprocess
import sys

import pytest
import serial

from robot_daemon.drivers.robotiq.line import open_line, parse_tcp
from robot_daemon.drivers.robotiq.modbus import LineLostError
from robot_daemon.hardware.devices import DeviceConnectError

pytestmark = pytest.mark.real_time


def failure(port):
    with pytest.raises(DeviceConnectError) as caught:
        open_line(port, 115200, 0.05)
    return str(caught.value)


def test_a_missing_port_is_told_with_those_that_are_there(monkeypatch):
    from robot_daemon.drivers.robotiq import line

    port = type("Port", (), {"device": "/dev/ttyUSB7"})()
    monkeypatch.setattr(line.list_ports, "comports", lambda: [port])
    text = "serial port /dev/ttyUSB0 does not exist; present: /dev/ttyUSB7; plug the adapter in or correct the key port"
    assert failure("/dev/ttyUSB0") == text
    monkeypatch.setattr(line.list_ports, "comports", list)
    assert "no serial port is present" in failure("/dev/ttyUSB0")


def test_a_missing_permission_names_the_group(tmp_path):
    folder = tmp_path / "dev"
    folder.mkdir()
    master, slave = os.openpty()
    port = folder / "ttyUSB0"
    port.symlink_to(os.ttyname(slave))
    os.chmod(os.ttyname(slave), 0o000)
    code = (
        "import sys; sys.path[:0] = sys.argv[2].split(':')\n"
        "from robot_daemon.drivers.robotiq.line import open_line\n"
        "import os\n"
        "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: open_line(sys.argv[1], 115200, 0.05)\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    arguments = [sys.executable, "-c", code, os.ttyname(slave), ":".join(filter(None, sys.path))]
    said = subprocess.run(arguments, capture_output=True, text=True, timeout=30, check=True).stdout
    os.close(master)
    os.close(slave)
    assert said.startswith("DeviceConnectError no permission to open serial port")
    assert "run `sudo usermod -aG " in said
    assert "$USER` and log in again" in said


def test_a_port_in_use_is_said_to_be(tmp_path):
    master, slave = os.openpty()
    with serial.Serial(os.ttyname(slave), 115200, exclusive=True):
        assert "is in use by another program; `fuser -v" in failure(os.ttyname(slave))
    os.close(master)
    os.close(slave)


def test_a_file_is_no_serial_port(tmp_path):
    path = tmp_path / "ttyUSB0"
    path.write_text("")
    assert f"{path} is not a serial port" in failure(str(path))
    assert "/dev/null is not a serial port" in failure("/dev/null")


def test_a_tcp_adapter_that_is_not_there_is_told():
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
    text = f"no connection to tcp://127.0.0.1:{number} (Connection refused); check the address and that the adapter"
    assert failure(f"tcp://127.0.0.1:{number}").startswith(text)
    assert "a TCP line is written" in failure("tcp://nowhere")


def test_a_tcp_address_has_host_and_port():
    assert parse_tcp("tcp://10.0.0.2:54321") == ("10.0.0.2", 54321)
    assert parse_tcp("tcp://[::1]:502") == ("::1", 502)
    for wrong in ("tcp://10.0.0.2", "tcp://:502", "tcp://host:0", "tcp://host:70000", "/dev/ttyUSB0"):
        assert parse_tcp(wrong) is None


def test_a_tcp_line_carries_bytes_times_out_and_notices_the_end():
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = open_line(f"tcp://127.0.0.1:{server.getsockname()[1]}", 115200, 0.05)
        peer, _ = server.accept()
        with peer:
            line.write(b"question")
            assert peer.recv(100) == b"question"
            peer.sendall(b"old")
            while line.read(3) != b"old":
                pass
            peer.sendall(b"ans")
            assert line.read(6) == b"ans"
        with pytest.raises(LineLostError, match="closed the connection"):
            line.read(1)
        with pytest.raises(LineLostError, match="closed the connection"):
            line.discard()
        line.close()


def test_a_serial_line_notices_that_its_port_vanished():
    master, slave = os.openpty()
    line = open_line(os.ttyname(slave), 115200, 0.05)
    line.write(b"question")
    assert os.read(master, 100) == b"question"
    os.close(slave)
    os.close(master)
    for use in (lambda: line.read(1), line.discard, lambda: line.write(b"x")):
        with pytest.raises(LineLostError, match="the port vanished"):
            use()
    line.close()
