"""Daemons as processes: what a signal does, in which order, and within which time."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from robot_daemon.api.server import await_rest
from robot_daemon.drivers.fake.cell import build_fake_cell
from serl_client import Pose, RobotClient
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real_time

SERVE = """
import signal, sys, threading, time
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # Whatever the tests themselves run under.
from pathlib import Path
from robot_daemon.api import server
from robot_daemon.operations import lifecycle
from robot_daemon.config.cell_config import LimitsConfig, ServerConfig
from robot_daemon.drivers.fake.cell import build_fake_cell
from robot_daemon.operations.event_log import EventLog, logging_to_stderr
from robot_daemon.operations.notify import Notifier

fake = build_fake_cell(cameras=())
{misbehaviour}
with logging_to_stderr("info", "text"):
    daemon = server.DaemonServer(
        fake.cell, ServerConfig(address="127.0.0.1:0", drain_grace_s={grace}), LimitsConfig(), listeners=[EventLog()]
    )
    lifecycle.serve_until_signal(daemon, ready_file=Path(sys.argv[1]), notifier=Notifier.from_environment())
"""

COASTING = """
# An arm that takes three seconds to come to rest once it holds, and a daemon that gives it half a second.
server.REST_LIMIT_S = 0.5
held = []
hold, read = fake.arm.hold, fake.arm.read_state
fake.arm.hold = lambda: (hold(), held.append(time.monotonic()))
def coasting():
    state = read()
    speed = max(0.0, 3.0 - (time.monotonic() - held[-1])) if held else 0.0
    return state.__class__(**{**vars(state), "joint_velocities": state.joint_velocities * 0 + speed})
fake.arm.read_state = coasting
"""

HANGING = """
server.CLOSE_LIMIT_S, server.REST_LIMIT_S = 0.2, 0.1
fake.arm.close = lambda: threading.Event().wait()
"""


@pytest.fixture
def start(tmp_path):
    """Starts a daemon over a fake cell that misbehaves; gives the process and its address."""
    running = []

    def begin(misbehaviour="", grace=0.2, environment=None):
        ready = tmp_path / "ready"
        program = SERVE.format(misbehaviour=textwrap.dedent(misbehaviour), grace=grace)
        child = subprocess.Popen(
            [sys.executable, "-c", program, str(ready)],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        running.append(child)
        wait_until(lambda: ready.exists() or child.poll() is not None)
        assert child.poll() is None, child.stderr.read()
        return child, ready.read_text().strip()

    yield begin
    for child in running:
        child.kill()
        child.communicate()


def drive_until_refused(address, driving):
    """Steps back and forth until the session ends; its last error is appended."""
    with RobotClient(address) as robot, robot.control("ada") as session:
        start = session.opening_observation.state.tcp_pose
        side = 1.0
        try:
            while True:
                side = -side
                target = Pose(start.position + np.array([0.0, 0.05 * side, 0.0]), start.quaternion_xyzw)
                session.step(target, period_s=0.02)
                driving.set()
        except Exception as error:  # noqa: BLE001 - whatever ended it is the result.
            return error


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_motion_holds_rests_and_exits_0(start, number):
    child, address = start()
    driving, errors = threading.Event(), []
    thread = threading.Thread(target=lambda: errors.append(drive_until_refused(address, driving)))
    thread.start()
    assert driving.wait(10.0)
    child.send_signal(number)
    _, log = child.communicate(timeout=30.0)
    thread.join(10.0)
    assert child.returncode == 0, log
    assert "shutting down; the arm holds" in str(errors[0])
    events = [line.split(" ")[2] for line in log.splitlines()]
    assert events.index("session_closed") < events.index("daemon_stopped")
    assert 'reason="draining"' in log
    assert "daemon_stopped at_rest=true" in log


def test_an_arm_that_coasts_is_awaited_within_a_bound(start):
    child, address = start(COASTING)
    with RobotClient(address) as robot:
        robot.stop()
    began = time.monotonic()
    child.send_signal(signal.SIGTERM)
    _, log = child.communicate(timeout=30.0)
    assert child.returncode == 0, log
    assert "daemon_stopped at_rest=false" in log
    assert time.monotonic() - began >= 0.5


def test_a_second_signal_does_not_wait_for_calls_or_rest(start):
    child, address = start(COASTING, grace=30.0)
    with RobotClient(address) as robot:
        robot.stop()
        child.send_signal(signal.SIGTERM)
        assert any("stopping; the arm holds" in line for line in child.stderr)
        child.send_signal(signal.SIGHUP)  # A terminal that is closed meanwhile hurries nobody.
        assert child.poll() is None
        child.send_signal(signal.SIGTERM)
        _, log = child.communicate(timeout=20.0)  # The grace alone is 30 s.
    assert child.returncode == 0
    assert "at_rest=false" in log


def test_a_device_that_hangs_cannot_keep_the_process(start):
    child, _ = start(HANGING, grace=0.0)
    child.send_signal(signal.SIGTERM)
    _, log = child.communicate(timeout=30.0)
    assert child.returncode == 1
    assert "a device did not close within" in log


def test_a_third_signal_ends_the_process_at_once(start):
    child, _ = start("fake.arm.close = lambda: threading.Event().wait()", grace=0.0)
    child.send_signal(signal.SIGTERM)
    assert any("daemon_stopped" in line for line in child.stderr)
    deadline = time.monotonic() + 10.0
    while child.poll() is None:  # Signals of one kind that come together are one.
        assert time.monotonic() < deadline
        child.send_signal(signal.SIGTERM)
        threading.Event().wait(0.05)
    assert child.returncode == 128 + signal.SIGTERM


def test_the_service_manager_hears_of_the_whole_life(start, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10.0)
        child, address = start(environment={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert manager.recv(1000).decode() == f"READY=1\nSTATUS=idle, listening on {address}"
        child.send_signal(signal.SIGTERM)
        assert manager.recv(1000).decode().startswith("STOPPING=1\n")
        child.communicate(timeout=30.0)


def test_a_silent_arm_is_not_awaited():
    fake = build_fake_cell(cameras=())
    fake.arm.set_connected(connected=False)
    assert await_rest(fake.cell, threading.Event()) is False
