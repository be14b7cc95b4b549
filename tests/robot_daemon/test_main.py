import os
import signal
import socket
import subprocess
import sys
import threading
import time

import grpc
import pytest
from serl.robot.v1 import control_pb2, robot_service_pb2, robot_service_pb2_grpc

from robot_daemon.__main__ import main

CELL = '[arm]\ndriver = "fake"\n[server]\naddress = "{address}"\ndrain_grace_s = 0.2\n'


@pytest.fixture
def cell(tmp_path):
    def write(address="127.0.0.1:0"):
        path = tmp_path / "cell.toml"
        path.write_text(CELL.format(address=address))
        return path

    return write


@pytest.fixture
def daemon(cell, tmp_path):
    """A running daemon process and its address."""
    ready = tmp_path / "ready"
    command = [sys.executable, "-m", "robot_daemon", "--config", str(cell()), "--ready-file", str(ready)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        try:
            assert any("listening on" in line for line in child.stderr)
            deadline = time.monotonic() + 10
            while not ready.exists():
                assert time.monotonic() < deadline
                os.sched_yield()
            yield child, ready
        finally:
            child.kill()


def test_the_example_is_printed_and_right(capsys, tmp_path):
    assert main(["example-config"]) == 0
    path = tmp_path / "cell.toml"
    path.write_text(capsys.readouterr().out)
    assert main(["check", "--file-only", "--config", str(path)]) == 0
    assert capsys.readouterr().out == f"{path} is right\n"


def test_a_missing_config_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "example-config" in capsys.readouterr().err


def test_a_wrong_file_is_one_sentence_and_exit_code_2(capsys, tmp_path):
    path = tmp_path / "cell.toml"
    path.write_text('[arm]\ndriver = "fake"\n[servers]\n')
    assert main(["--config", str(path)]) == 2
    assert capsys.readouterr().err == f"robot-daemon: {path}: unknown key servers; did you mean server?\n"


def test_a_port_in_use_is_one_sentence_and_exit_code_1(capsys, cell):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert main(["--config", str(cell(address))]) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"robot-daemon: cannot listen on {address}; is another daemon running there?")


def test_a_unix_socket_in_use_is_not_taken_over(capsys, cell, tmp_path):
    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind(str(tmp_path / "socket"))
        taken.listen()
        assert main(["--config", str(cell(f"unix:{tmp_path}/socket"))]) == 1
    assert "is another daemon running there" in capsys.readouterr().err


def test_a_network_address_in_the_clear_is_refused(capsys, cell):
    assert main(["--config", str(cell("0.0.0.0:0"))]) == 2
    assert "insecure = true" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_control_drains_and_exits_0(daemon, number):
    child, ready = daemon
    with grpc.insecure_channel(ready.read_text().strip()) as channel:
        opening = robot_service_pb2.ControlRequest(sequence_number=1, open=control_pb2.Open(client_name="ada"))
        responses = robot_service_pb2_grpc.RobotServiceStub(channel).Control(_once(opening))
        assert next(responses).opened.session_number == 1
        child.send_signal(number)
        assert child.wait(timeout=10) == 0
    assert not ready.exists()


def _once(request):
    yield request
    threading.Event().wait(15)
