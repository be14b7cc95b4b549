import json
import socket
import threading

import numpy as np
import pytest

from robot_daemon.drivers.tracker import Tracker, TrackerOptions
from robot_daemon.hardware.devices import DeviceConnectError
from serl_api.settings import ConfigError
from tests.support.clocks import ManualTimebase

pytestmark = pytest.mark.real_time

CUBE = {"cube": {"position": [0.4, 0.1, 0.02], "quaternion": [0.0, 0.0, 0.6, 0.8]}}


class Program:
    """A tracking program: answers what it is told to, remembers what it was asked."""

    def __init__(self, path):
        self.path = path
        self.answer = {"ok": {"objects": CUBE}}
        self.asked = []
        self.changed = threading.Condition()
        self._listener = None
        self._peers = []
        self.open()

    def open(self):
        self.path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.path))
        self._listener.listen()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._peers:
            peer.close()
        self._peers.clear()

    def wait_for(self, condition):
        with self.changed:
            assert self.changed.wait_for(condition, timeout=20.0)

    def wait_for_questions(self, count):
        already = len(self.asked)
        self.wait_for(lambda: len(self.asked) >= already + count)

    def _accept(self, listener):
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            self._peers.append(peer)
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        try:
            for line in peer.makefile("rb"):
                with self.changed:
                    self.asked.append(json.loads(line))
                    self.changed.notify_all()
                answer = self.answer
                peer.sendall((answer if isinstance(answer, bytes) else json.dumps(answer).encode()) + b"\n")
        except OSError:
            pass


UNIT = [0.0, 0.0, 0.0, 1.0]


@pytest.fixture
def program(tmp_path):
    program = Program(tmp_path / "tracker.sock")
    yield program
    program.close()


def tracker_of(program, clock=None, **options):
    return Tracker(TrackerOptions(path=program.path, rate_hz=200.0, **options), clock or ManualTimebase(10**9))


def test_poses_come_through_with_the_cells_stamp(program):
    tracker = tracker_of(program)
    (cube,) = tracker.tracked_objects()
    tracker.close()
    assert (cube.name, cube.monotonic_time_ns, cube.ground_truth) == ("cube", 1_000_000_000, False)
    np.testing.assert_array_equal(cube.pose.position, [0.4, 0.1, 0.02])
    np.testing.assert_array_equal(cube.pose.quaternion_xyzw, [0.0, 0.0, 0.6, 0.8])


def test_new_poses_replace_old_ones(program):
    tracker = tracker_of(program)
    program.answer = {"ok": {"objects": {}}}
    program.wait_for_questions(3)
    assert tracker.tracked_objects() == ()
    tracker.close()


def test_poses_that_are_too_old_are_not_given_out(program):
    clock = ManualTimebase(10**9)
    tracker = tracker_of(program, clock, max_age_s=0.1)
    program.answer = {"error": "no camera"}
    program.wait_for_questions(3)
    assert len(tracker.tracked_objects()) == 1
    clock.time_ns += 200_000_000
    assert tracker.tracked_objects() == ()
    tracker.close()


def test_a_program_that_goes_and_comes_back_is_asked_again(program):
    clock = ManualTimebase(10**9)
    tracker = tracker_of(program, clock, max_age_s=0.1)
    program.close()
    clock.time_ns += 1_000_000_000
    assert tracker.tracked_objects() == ()
    program.open()
    program.wait_for_questions(3)
    assert len(tracker.tracked_objects()) == 1
    tracker.close()


@pytest.mark.parametrize(("rearranges", "expected"), [(True, [{"op": "reset_scene", "seed": 7}]), (False, [])])
def test_only_a_program_that_rearranges_is_told_of_a_reset(program, rearranges, expected):
    tracker = tracker_of(program, rearranges=rearranges)
    assert tracker.reset(seed=7, start=None, gripper_width=None) is False
    tracker.close()
    assert [question for question in program.asked if question["op"] == "reset_scene"] == expected


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ({"ok": {}}, 'without "objects"'),
        ({"error": "camera unplugged"}, "camera unplugged"),
        ({"ok": {"objects": {"cube": {"position": [1, 2, 3]}}}}, 'gave cube no "position" and "quaternion"'),
        ({"ok": {"objects": {"cube": {"position": [1, 2, 3], "quaternion": [0, 0, 0, 2]}}}}, "unit quaternion xyzw"),
        ({"ok": {"objects": {"cube": {"position": [1, float("nan"), 3], "quaternion": UNIT}}}}, "3 finite numbers"),
        ({"ok": {"objects": {"cube": {"position": [1, 10**400, 3], "quaternion": UNIT}}}}, 'no "position"'),
        ({"ok": {"objects": {str(n): {"position": [1, 2, 3], "quaternion": UNIT} for n in range(300)}}}, "300 objects"),
        (b"[" * 100_000, "nesting"),
        (b" " * 2_000_000, "a line of more than 1048576 bytes"),
    ],
)
def test_a_wrong_answer_is_said_in_one_sentence(program, answer, text):
    program.answer = answer
    with pytest.raises(DeviceConnectError, match=text):
        tracker_of(program)


def test_no_wrong_answer_ends_the_asking(program):
    tracker = tracker_of(program)
    good = program.answer
    for answer in (b"[" * 100_000, {"ok": {"objects": {"cube": {"position": [10**400] * 3, "quaternion": UNIT}}}}):
        program.answer = answer
        program.wait_for_questions(3)
    program.answer = good | {"ok": {"objects": {}}}
    program.wait_for_questions(3)
    assert tracker.tracked_objects() == ()
    tracker.close()


def test_nobody_listening_is_said_in_one_sentence(tmp_path):
    with pytest.raises(DeviceConnectError, match=r"no tracker answers on .*nobody.*leave \[tracker\] out"):
        Tracker(TrackerOptions(path=tmp_path / "nobody.sock"), ManualTimebase(10**9))


def test_a_relative_path_is_refused(tmp_path):
    from pathlib import Path

    with pytest.raises(ConfigError, match="absolute path"):
        TrackerOptions(path=Path("tracker.sock"))
