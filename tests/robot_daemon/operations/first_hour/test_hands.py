"""A person is asked before anything moves; a virtual arm is touched through its control channel."""

import io
import threading

import pytest

from robot_daemon.operations.first_hour.hands import Deed, PersonsHands, VirtualHands
from simulator.virtual.fci.control_channel import ControlServer


def person(answers, *, asks=True):
    out = io.StringIO()
    return PersonsHands(asks=asks, source=io.StringIO(answers), out=out), out


def test_nothing_moves_before_a_person_has_read_what_will():
    hands, out = person("\ns\n")
    assert hands.allow("the tool goes 1 cm up") == ""
    assert "the tool goes 1 cm up" in out.getvalue()
    assert hands.allow("the tool goes 1 cm down") == "skipped by the person"
    assert "nobody answered" in hands.allow("the tool goes on"), "the end of the input allows nothing"


def test_a_fault_is_cleared_only_where_a_person_agrees():
    hands, out = person("s\n\n")
    assert hands.agree("The arm is faulted.") == "skipped by the person"
    assert hands.agree("The arm is faulted.") == ""
    assert "The arm is faulted." in out.getvalue()


def test_without_a_person_nothing_is_touched():
    hands, out = person("", asks=False)
    assert hands.agree("The arm is faulted.") == ""
    assert "needs a hand" in hands.do(Deed.PUSH)
    assert hands.allow("the tool goes 1 cm up") == ""
    assert "1 cm up" in out.getvalue()


@pytest.fixture
def channel(tmp_path):
    """A virtual arm's control channel that notes what it is asked, and knows no reflex."""
    asked, ending = [], threading.Event()

    def handle(request):
        asked.append(request["op"])
        if request["op"] == "reflex":
            raise ValueError("there is no such reflex")

    server = ControlServer(tmp_path / "fci.sock", handle)

    def serve():
        while not ending.wait(0.001):
            server.poll()
        server.close()

    thread = threading.Thread(target=serve)
    thread.start()
    yield tmp_path / "fci.sock", asked
    ending.set()
    thread.join()


def test_a_virtual_arm_is_touched(channel):
    path, asked = channel
    hands = VirtualHands(path, io.StringIO())
    assert hands.do(Deed.PRESS_STOP) == hands.do(Deed.RELEASE_STOP) == hands.do(Deed.LET_GO) == ""
    assert asked == ["user_stop", "release_user_stop", "clear"]
    assert hands.do(Deed.PUSH) == "there is no such reflex"


def test_a_virtual_arm_that_is_not_there_is_told(tmp_path):
    assert "does not answer at" in VirtualHands(tmp_path / "none", io.StringIO()).do(Deed.PRESS_STOP)
