"""`serl-robot estop` as a process of its own."""

import os
import pty
import signal
import subprocess
import sys

import pytest

from serl_client import RobotClient
from tests.support.daemons import serve
from tests.support.estops import TROUBLES, armed_endpoint, seconds_until_stopped
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real_time


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=["killed", "hung", "silent-network"])
def test_the_arm_stops_when_the_endpoint_is_not_there_any_more(trouble):
    # The promise is 0.6 s; how long it took is measured by `python -m tests.faults`.
    assert seconds_until_stopped(trouble) > 0.0


def test_q_leaves_in_order_and_stops_nothing():
    with armed_endpoint() as (daemon, _proxy, endpoint):
        _, text = endpoint.communicate("q\n", timeout=20)
        assert endpoint.returncode == 0
        assert "armed at" in text
        wait_until(lambda: daemon.core.armed_estops == ())
        assert daemon.core.stopped is None


def test_a_line_stops_the_arm_and_c_releases_it():
    with armed_endpoint() as (daemon, _proxy, endpoint):
        endpoint.stdin.write("\n")
        endpoint.stdin.flush()
        wait_until(lambda: daemon.core.stopped is not None)
        assert daemon.core.stopped.client_name == "key"
        assert any("stopped" in line for line in endpoint.stderr)
        endpoint.stdin.write("c\n")
        endpoint.stdin.flush()
        wait_until(lambda: daemon.core.stopped is None)
        endpoint.communicate("q\n", timeout=20)
        assert daemon.core.stopped is None


def test_the_end_of_its_input_stops_the_arm():
    with armed_endpoint() as (daemon, _proxy, endpoint):
        _, text = endpoint.communicate(timeout=20)
        assert endpoint.returncode == 1
        assert "the input ended, so the arm was stopped" in text
        wait_until(lambda: daemon.core.stopped is not None)


def test_any_key_of_a_terminal_stops_the_arm_and_ctrl_c_does_too():
    daemon = serve()
    ours, theirs = pty.openpty()
    try:
        command = [sys.executable, "-m", "serl_client", "estop", "--address", daemon.address]
        endpoint = subprocess.Popen(command, stdin=theirs, stderr=subprocess.DEVNULL)
        wait_until(lambda: daemon.core.armed_estops)
        os.write(ours, b"q ")  # Both at once: somebody hits the keyboard, and does not leave in order.
        wait_until(lambda: daemon.core.stopped is not None)
        with RobotClient(daemon.address) as robot:
            robot.clear_stop()
        endpoint.send_signal(signal.SIGINT)
        wait_until(lambda: daemon.core.stopped is not None)
        endpoint.wait(20)
    finally:
        endpoint.kill()
        endpoint.wait()
        os.close(ours)
        os.close(theirs)
        daemon.stop()
