import os
import signal
import subprocess
import sys

import pytest

from serl_api.enums import Pacing
from simulator.__main__ import main
from simulator.api.server import build_server

pytestmark = pytest.mark.real_time


def test_an_unknown_task_is_a_usage_error_with_the_list(capsys):
    assert main(["--task", "fly", "--address", "127.0.0.1:0"]) == 2
    assert "pick-cube" in capsys.readouterr().err


def test_an_unknown_arm_is_a_usage_error_with_the_list(capsys):
    assert main(["--arm", "ur5", "--address", "127.0.0.1:0"]) == 2
    assert "panda" in capsys.readouterr().err


def test_a_port_in_use_is_one_sentence(capsys):
    server = build_server("pick-cube", Pacing.LOCKSTEP, 0)
    address = server.start()
    try:
        assert main(["--address", address]) == 1
        assert address in capsys.readouterr().err
    finally:
        server.stop(grace_s=0.1)


def test_tasks_are_listed_on_stdout(capsys):
    assert main(["--list-tasks"]) == 0
    names = [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()]
    assert names == [
        "bin-relocation",
        "cable-route",
        "egg-flip",
        "hand-over",
        "pcb-insert",
        "peg-insert",
        "pick-cube",
        "pick-cube-varied",
        "ram-insert",
        "relocate-cube",
        "usb-insert",
    ]


def test_help_shows_examples(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "serl-sim --pacing real-time" in capsys.readouterr().out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_code_0(tmp_path, number):
    ready, socket = tmp_path / "ready", tmp_path / "sim.sock"
    command = [sys.executable, "-m", "simulator", "--address", f"unix:{socket}", "--ready-file", str(ready)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        assert any(b"listening on unix:" in line for line in process.stderr)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30.0)
        assert process.returncode == 0, errors
        assert b"Traceback" not in errors
    finally:
        process.kill()
