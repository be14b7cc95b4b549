import json
import signal
import socket
import subprocess
import sys
import threading

import grpc
import pytest
from serl.robot.v1 import control_pb2, robot_service_pb2, robot_service_pb2_grpc

import serl_client
from robot_daemon.__main__ import main
from serl_api.enums import ArmMode
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real_time

CELL = '[arm]\ndriver = "fake"\n[server]\naddress = "{address}"\ndrain_grace_s = 0.2\n'


@pytest.fixture(autouse=True)
def state_home(tmp_path, monkeypatch):
    """Recordings of these daemons go to a scratch folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


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
            wait_until(ready.exists)
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


def test_check_says_what_it_found(capsys, cell):
    code = main(["check", "--config", str(cell())])
    text = capsys.readouterr().out
    assert code == 0
    assert "kernel" in text
    assert "arm  fake, 7 joints" in text


def test_an_option_that_is_wrong_is_found_without_a_connection(capsys, tmp_path):
    path = tmp_path / "cell.toml"
    path.write_text('[arm]\ndriver = "fake"\nspeed = 3\n')
    assert main(["check", "--file-only", "--config", str(path)]) == 2
    assert "unknown key arm.speed" in capsys.readouterr().err


def test_a_unit_is_not_made_for_a_file_that_the_service_could_not_see(capsys, cell, monkeypatch):
    path = cell()
    monkeypatch.setattr("robot_daemon.operations.install.TEMPORARY", (str(path.parent),))
    assert main(["install-unit", "--config", str(path), "--output", "-"]) == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert f"{path} is a temporary path" in captured.err


def test_the_unit_and_the_rules_are_written_to_a_folder(capsys, cell, tmp_path, monkeypatch):
    monkeypatch.setattr("robot_daemon.operations.install.TEMPORARY", ())
    path = cell()
    assert main(["install-unit", "--config", str(path), "--output", str(tmp_path)]) == 0
    assert f"--config {path} " in (tmp_path / "robot-daemon.service").read_text()
    assert (tmp_path / "60-serl-robot.rules").exists()
    assert "next steps" in capsys.readouterr().out


def test_a_fault_of_a_served_cell_can_be_read_from_its_black_box(capsys, tmp_path):
    box = tmp_path / "box"
    path = tmp_path / "cell.toml"
    path.write_text(CELL.format(address="127.0.0.1:0") + f'[black_box]\ndirectory = "{box}"\n')
    ready = tmp_path / "ready"
    command = [sys.executable, "-m", "robot_daemon", "--config", str(path), "--ready-file", str(ready)]
    with subprocess.Popen([*command, "--log-format", "json"], stderr=subprocess.PIPE, text=True) as child:
        try:
            events = map(json.loads, child.stderr)
            started = next(event for event in events if event["event"] == "daemon_started")
            with grpc.insecure_channel(started["address"]) as channel:
                robot = robot_service_pb2_grpc.RobotServiceStub(channel)
                robot.Stop(robot_service_pb2.StopRequest(client_name="ada", text="smoke"), timeout=20.0)
            stopped = next(event for event in events if event["event"] == "stop_latched")
            assert (stopped["client"], stopped["text"]) == ("ada", "smoke")
            written = next(event for event in events if event["event"] == "black_box_written")
        finally:
            child.kill()
    assert main(["black-box", str(box)]) == 0
    assert capsys.readouterr().out == written["path"] + "\n"
    assert main(["black-box", written["path"]]) == 0
    assert "stop_latched client=ada text=smoke" in capsys.readouterr().out
    assert main(["black-box", written["path"], "--csv", str(tmp_path / "a.csv")]) == 0
    assert len((tmp_path / "a.csv").read_text().splitlines()) == written["samples"] + 1


def test_a_file_that_is_no_recording_is_one_sentence_and_exit_code_1(capsys, cell):
    assert main(["black-box", str(cell())]) == 1
    assert "is no recording" in capsys.readouterr().err


def test_a_black_box_that_cannot_be_written_is_told_before_anything_is_connected(capsys, tmp_path):
    path = tmp_path / "cell.toml"
    path.write_text(f'[arm]\ndriver = "fake"\n[black_box]\ndirectory = "{path}/box"\n')
    assert main(["--config", str(path)]) == 2
    assert "black_box.directory" in capsys.readouterr().err


def test_an_arm_outside_its_workspace_is_told_at_the_start(tmp_path):
    path = tmp_path / "cell.toml"
    path.write_text(CELL.format(address="127.0.0.1:0") + "[limits]\nworkspace_lower_m = [0.2, -0.35, 0.3]\n")
    command = [sys.executable, "-m", "robot_daemon", "--config", str(path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        try:
            assert any("WARNING outside_workspace" in line and "z = 0.250 m" in line for line in child.stderr)
        finally:
            child.kill()


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
    assert error.startswith(f"robot-daemon: cannot listen on {address}; is another server running there?")


LATE_CAMERA = """
from pathlib import Path
from robot_daemon.drivers.fake.cell import FakeCameraOptions, build_camera
from robot_daemon.hardware.devices import DeviceConnectError

def build(name, timebase, options: FakeCameraOptions):
    if not Path(__file__).with_name("plugged").exists():
        raise DeviceConnectError(f"camera {name} is not plugged in")
    return build_camera(name, timebase, options)
"""


@pytest.fixture
def late(cell, tmp_path, monkeypatch):
    """A cell's file whose camera is there once `plugged` is."""
    (tmp_path / "late_camera.py").write_text(LATE_CAMERA)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    path = cell()
    path.write_text(path.read_text() + '[cameras.wrist]\ndriver = "late_camera:build"\n')
    return path


def test_a_missing_device_is_waited_for_and_then_served_stopped_as_it_was(late, tmp_path):
    ready = tmp_path / "ready"
    command = [sys.executable, "-m", "robot_daemon", "--config", str(late), "--ready-file", str(ready)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        try:
            address = next(line for line in child.stderr if "listening on" in line).split()[-1]
            assert any("waits for cameras.wrist: camera wrist is not plugged in" in line for line in child.stderr)
            with grpc.insecure_channel(address) as channel:
                stub = robot_service_pb2_grpc.RobotServiceStub(channel)
                stub.Stop(robot_service_pb2.StopRequest(client_name="ada"), timeout=5.0)
            assert not ready.exists()
            (tmp_path / "plugged").touch()
            wait_until(ready.exists)
            assert ready.read_text().strip() == address
            with serl_client.RobotClient(address) as robot:
                assert robot.get_state().mode is ArmMode.STOPPED
                robot.clear_stop()
                robot.control("ada").close()
        finally:
            child.terminate()
            child.communicate(timeout=20)
        assert child.returncode == 0


def test_a_signal_while_a_device_is_missing_exits_0(late):
    command = [sys.executable, "-m", "robot_daemon", "--config", str(late)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        assert any("waits for" in line for line in child.stderr)
        child.terminate()
        child.communicate(timeout=20)
        assert child.returncode == 0


def test_who_does_not_wait_gets_one_sentence_and_exit_code_1(capsys, late):
    assert main(["--config", str(late), "--no-wait"]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "robot-daemon: camera wrist is not plugged in"


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
