"""How motions end, with a Robot that behaves as franky's does and no arm."""

import contextlib
import time
from types import SimpleNamespace

import franky
import numpy as np
import pytest

from robot_daemon.drivers.franka import motion_runner as module
from robot_daemon.drivers.franka.facts import ARMS
from robot_daemon.drivers.franka.faults import FaultMemory
from robot_daemon.drivers.franka.loop import LoopError
from robot_daemon.drivers.franka.motion_runner import STALL_LOOKS, STALL_S, MotionRunner
from robot_daemon.drivers.franka.options import FrankaOptions
from robot_daemon.drivers.franka.steering import Setup, Steering

pytestmark = pytest.mark.real_time


class ScriptedRobot:
    """In control from `move` until a stop motion is joined, or `abort` ends the motion with an error."""

    def __init__(self):
        self.is_in_control = False
        self.motions = []
        self._error = None

    def move(self, motion, asynchronous):
        assert asynchronous
        self.motions.append(motion)
        self.is_in_control = True

    def join_motion(self, timeout):
        assert timeout > 0.0
        error, self._error = self._error, None
        if error is not None:
            raise error
        if isinstance(self.motions[-1], franky.TorqueStopMotion):
            self.is_in_control = False
        return not self.is_in_control

    def abort(self, error):
        self._error = error
        self.is_in_control = False


@pytest.fixture
def active_cell(make_state, monkeypatch):
    state = make_state()
    monkeypatch.setattr(module, "arm_state", lambda _sample: state)
    setup = Setup(
        facts=ARMS["fr3"],
        posture=None,
        joint_stiffness=np.full(7, 100.0),
        joint_damping=np.full(7, 10.0),
        time_constant_s=0.0,
        gains_time_constant_s=0.1,
    )
    robot, steering = ScriptedRobot(), Steering(setup, lambda: None)
    loop = SimpleNamespace(sample=object(), beat=0.0)
    faults = FaultMemory(lambda: 0, lambda: None)
    options = FrankaOptions(host="arm", realtime="ignore")
    runner = MotionRunner(
        robot, steering, loop, faults, options, lambda: 0, lambda _what, _limit: contextlib.nullcontext()
    )

    def begin():
        steering.follow(state.tcp_pose, state, 0)
        runner.start()

    return SimpleNamespace(robot=robot, steering=steering, loop=loop, faults=faults, runner=runner, begin=begin)


def ids(active_cell):
    return [fault.id for fault in active_cell.faults.active]


def test_a_motion_starts_once(active_cell):
    active_cell.begin()
    active_cell.runner.start()
    assert len(active_cell.robot.motions) == 1


@pytest.mark.parametrize(("name", "critical"), [("contact_reflex", True), ("guiding", False)])
def test_nothing_starts_while_a_fault_is_active(active_cell, name, critical):
    active_cell.faults.add(name, "text", critical=critical, clearable=critical)
    active_cell.begin()
    assert active_cell.robot.motions == []


def test_a_fed_motion_runs_on(active_cell):
    active_cell.begin()
    for _ in range(3 * STALL_LOOKS):
        active_cell.loop.beat = time.monotonic()
        active_cell.runner.look_after()
    assert active_cell.robot.is_in_control


def test_a_motion_that_nobody_feeds_is_brought_to_rest(active_cell):
    active_cell.begin()
    active_cell.loop.beat = time.monotonic() - STALL_S - 0.1
    for _ in range(STALL_LOOKS - 1):
        active_cell.runner.look_after()
    assert active_cell.robot.is_in_control
    with pytest.raises(LoopError):
        active_cell.runner.look_after()
    assert isinstance(active_cell.robot.motions[-1], franky.TorqueStopMotion)
    assert not active_cell.robot.is_in_control
    assert ids(active_cell) == ["stream_stalled"]
    assert not active_cell.steering.is_due


def test_a_loop_that_was_late_once_is_forgiven(active_cell):
    active_cell.begin()
    for _ in range(3):
        active_cell.loop.beat = time.monotonic() - STALL_S - 0.1
        for _ in range(STALL_LOOKS - 1):
            active_cell.runner.look_after()
        active_cell.loop.beat = time.monotonic()
        active_cell.runner.look_after()
    assert active_cell.robot.is_in_control


def test_resting_for_a_command_goes_on_with_the_target(active_cell):
    active_cell.begin()
    active_cell.runner.settle(forget=False)
    assert active_cell.steering.is_due
    active_cell.runner.settle(forget=True)
    assert active_cell.steering.is_due  # Nothing ran: there was nothing to forget.
    active_cell.runner.start()
    active_cell.runner.settle(forget=True)
    assert not active_cell.steering.is_due


@pytest.mark.parametrize(
    ("kind", "said", "expected"),
    [
        (franky.ControlException, 'Move command aborted: reflex! ["joint_reflex"]', "contact_reflex"),
        (franky.ControlException, 'Move command aborted: reflex! ["tau_J_range_violation"]', "tau_j_range_violation"),
        (franky.ControlException, "Move command aborted: User Stop pressed!", "user_stop"),
        (franky.CommandException, "Move command rejected due to activated safety function!", "user_stop"),
        (franky.ControlException, "something new", "control_aborted"),
        (franky.TorqueSignalTimeoutException, "SimpleTorqueMotion did not receive", "stream_stalled"),
    ],
)
def test_why_a_motion_has_ended_becomes_a_fault(active_cell, kind, said, expected):
    active_cell.begin()
    active_cell.robot.abort(kind(f"libfranka: {said}"))
    active_cell.runner.look_after()
    assert ids(active_cell) == [expected]
    assert not active_cell.steering.is_due


def test_a_lost_connection_is_not_a_fault_of_the_motion(active_cell):
    active_cell.begin()
    active_cell.robot.abort(franky.NetworkException("libfranka: UDP receive: Timeout"))
    with pytest.raises(franky.NetworkException):
        active_cell.runner.look_after()
    assert ids(active_cell) == []
