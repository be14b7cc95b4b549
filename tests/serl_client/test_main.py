import json
import signal
import subprocess
import sys

import numpy as np
import pytest

from serl_api.enums import Backend
from serl_client import RobotClient
from serl_client.__main__ import main
from serl_client.cli.options import Moving, UsageError


@pytest.fixture
def run(capsys):
    """Runs a command line; gives exit code, stdout and stderr."""

    def call(*arguments):
        code = 0
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def at(lockstep_daemon):
    return ("--address", lockstep_daemon.address)


def test_status_for_people_and_for_programs(run, at):
    code, out, _ = run("status", *at)
    assert code == 0
    assert "fake" in out
    assert "commands in time  none sent" in out
    code, out, _ = run("status", *at, "--json")
    document = json.loads(out)
    assert (document["mode"], document["backend"]) == ("idle", "fake")
    assert len(document["tcp_position_m"]) == 3
    assert document["command_success_rate"] is None  # An arm that takes no commands in time.


def test_watch_prints_a_line_a_state_into_a_pipe(run, at):
    code, out, _ = run("watch", *at, "--count", 2, "--rate-hz", 100)
    assert code == 0
    assert [json.loads(line)["mode"] for line in out.splitlines()] == ["idle", "idle"]


def test_move_relative_and_absolute(run, at, robot):
    start = robot.get_state().tcp_pose.position
    assert run("move", *at, "--relative", "--xyz", 0, 0.05, 0)[0] == 0
    np.testing.assert_allclose(robot.get_state().tcp_pose.position - start, (0, 0.05, 0), atol=0.01)
    assert run("move", *at, "--xyz", 0.4, -0.05, 0.3)[0] == 0
    np.testing.assert_allclose(robot.get_state().tcp_pose.position, (0.4, -0.05, 0.3), atol=0.01)
    assert run("home", *at)[0] == 0
    np.testing.assert_allclose(robot.get_state().joint_positions, robot.info.arm.home, atol=0.05)


def test_move_joints(run, at, robot):
    assert run("move", *at, "--joints", 0.1, 0, 0, 0, 0, 0, 0, "--relative", "--speed", 0.5)[0] == 0
    assert robot.get_state().joint_positions[0] == pytest.approx(robot.info.arm.home[0] + 0.1, abs=0.05)


def test_gripper_goes_to_a_width(run, at, robot):
    code, out, _ = run("gripper", *at, "--width", 0.02)
    assert code == 0
    assert "0.02" in out
    assert robot.get_state().gripper.width == pytest.approx(0.02, abs=0.002)
    assert run("gripper", *at, "--activate")[0] == 0


def test_snapshot_of_one_and_of_all(run, at, tmp_path):
    assert run("snapshot", *at, "--camera", "front", "--output", tmp_path)[0] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["front.png"]
    assert run("snapshot", *at, "--output", tmp_path)[0] == 0
    for name in ("front", "wrist"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_stop_and_clear(run, at, robot):
    assert run("stop", *at)[0] == 0
    assert robot.get_state().stop_latched
    code, _, err = run("move", *at, "--xyz", 0.4, 0, 0.3)
    assert code == 1
    assert "stop" in err
    assert run("stop", *at, "--clear")[0] == 0
    assert not robot.get_state().stop_latched


def test_recover_and_faults(run, at, lockstep_daemon):
    assert run("recover", *at)[1] == "no fault was active\n"
    lockstep_daemon.fake.arm.inject_fault("contact_reflex")
    code, out, _ = run("faults", *at, "--json")
    assert code == 0
    assert [fault["id"] for fault in json.loads(out)["active"]] == ["contact_reflex"]
    assert run("recover", *at)[1] == "cleared contact_reflex\n"
    assert "cleared: contact_reflex" in run("faults", *at)[1]


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (("move", "--xyz", 5, 0, 0.3), 1, "0.7"),
        (("move",), 2, "--joints"),
        (("move", "--xyz", 0.4, 0, 0.3, "--speed", 2), 2, "(0, 1]"),
        (("move", "--joints", 1, 2), 2, "7 joints"),
        (("gripper",), 2, "--width"),
        (("gripper", "--width", 1), 2, "0.085"),
        (("snapshot", "--camera", "side"), 1, "front"),
        (("snapshot", "--output", "/no/such/folder"), 2, "folder"),
        (("watch", "--rate-hz", 0), 2, "(0, 1000]"),
        (("recover", "--fault", "nothing"), 1, "nothing"),
    ],
)
def test_a_wrong_use_is_one_sentence(run, at, arguments, code, named):
    got, out, err = run(arguments[0], *at, *arguments[1:])
    assert got == code
    assert named in err
    assert err.count("\n") == 1
    assert out == ""


@pytest.mark.parametrize(("address", "code"), [("127.0.0.1:1", 1), ("not an address", 2)])
def test_an_address_that_does_not_work_is_named(run, address, code):
    got, _, err = run("status", "--address", address, "--connect-timeout-s", 0.2)
    assert got == code
    assert address in err
    assert err.count("\n") == 1


def test_an_unknown_command_is_wrong_usage(run):
    assert run("dance")[0] == 2


def test_a_real_arm_does_not_move_without_a_yes(robot, monkeypatch):
    from dataclasses import replace

    robot.info = replace(robot.info, backend=Backend.REAL)
    with pytest.raises(UsageError, match="--yes"):
        Moving().confirm(robot, "move")
    Moving(yes=True).confirm(robot, "move")


SWALLOWING = """
import signal, threading
from serl_client.cli.interrupt import certain_interrupt
with certain_interrupt(grace_s=0.2):
    while True:
        try:
            print("ready", flush=True)
            threading.Event().wait()
        except KeyboardInterrupt:
            pass  # As a lock of a library may do.
"""


def test_ctrl_c_ends_a_command_that_swallows_it():
    process = subprocess.Popen(
        [sys.executable, "-c", SWALLOWING], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "the arm holds" in err


def test_ctrl_c_ends_a_move_and_the_arm_holds(real_time_daemon):
    command = [sys.executable, "-m", "serl_client", "move", "--address", real_time_daemon.address]
    process = subprocess.Popen(
        [*command, "--xyz", "0.6", "0.3", "0.5", "--speed", "0.02"], stderr=subprocess.PIPE, text=True
    )
    with RobotClient(real_time_daemon.address) as robot:
        moving = next(state for state in robot.stream_states(100.0) if state.control_holder)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        assert moving.control_holder
        assert process.returncode == 0, err
        assert "holds" in err
        assert robot.get_state().control_holder == ""


def test_a_reader_that_has_seen_enough_is_no_error(lockstep_daemon):
    command = [sys.executable, "-m", "serl_client", "faults", "--address", lockstep_daemon.address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0
