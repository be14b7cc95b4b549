import os
import socket

import pytest

from robot_daemon.operations.notify import Notifier


def test_messages_are_those_of_sd_notify(manager):
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": manager.address})
    notifier.ready("idle")
    notifier.status("controlled")
    notifier.alive()
    notifier.stopping()
    notifier.close()
    assert [manager.receive() for _ in range(4)] == [
        "READY=1\nSTATUS=idle",
        "STATUS=controlled",
        "WATCHDOG=1",
        "STOPPING=1\nSTATUS=stopping; the arm holds",
    ]


def test_an_abstract_socket_is_reached():
    name = f"@serl-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(f"\0{name[1:]}")
        receiver.settimeout(5.0)
        notifier = Notifier(name)
        notifier.alive()
        notifier.close()
        assert receiver.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize("address", ["", "relative/path"])
def test_without_a_service_manager_nothing_is_said(address):
    notifier = Notifier(address)
    notifier.ready("idle")
    notifier.close()
    notifier.alive()


def test_a_socket_that_is_gone_or_full_stops_nobody(manager, tmp_path):
    gone = Notifier(str(tmp_path / "nobody"))
    gone.alive()
    gone.close()
    notifier = Notifier(manager.address)
    for _ in range(2000):  # Nobody reads; the queue of a socket is much shorter.
        notifier.alive()
    notifier.close()
    assert 0 < len(manager.drain()) < 2000


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, 0.0),
        ({"WATCHDOG_USEC": "5000000"}, 5.0),
        ({"WATCHDOG_USEC": "5000000", "WATCHDOG_PID": str(os.getpid())}, 5.0),
        ({"WATCHDOG_USEC": "5000000", "WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "soon"}, 0.0),
    ],
)
def test_the_watchdog_is_taken_from_the_environment_of_this_process(environment, seconds):
    assert Notifier.from_environment(environment).watchdog_s == pytest.approx(seconds)
