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
from robot_daemon.hardware.devices import TcpTarget


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
def bench(make_state, monkeypatch):
    state = make_state()
    monkeypatch.setattr(module, "arm_state", lambda _sample: state)
    setup = Setup(
        facts=ARMS["fr3"],
        posture=np.zeros(7),
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
        steering.follow(TcpTarget(position=state.tcp_position, quaternion=state.tcp_quaternion), state, 0)
        runner.start()

    return SimpleNamespace(robot=robot, steering=steering, loop=loop, faults=faults, runner=runner, begin=begin)


def ids(bench):
    return [fault.id for fault in bench.faults.active]


def test_a_motion_starts_once(bench):
    bench.begin()
    bench.runner.start()
    assert len(bench.robot.motions) == 1


@pytest.mark.parametrize(("name", "critical"), [("contact_reflex", True), ("guiding", False)])
def test_nothing_starts_while_a_fault_is_active(bench, name, critical):
    bench.faults.add(name, "text", critical=critical, clearable=critical)
    bench.begin()
    assert bench.robot.motions == []


def test_a_fed_motion_runs_on(bench):
    bench.begin()
    for _ in range(3 * STALL_LOOKS):
        bench.loop.beat = time.monotonic()
        bench.runner.look_after()
    assert bench.robot.is_in_control


def test_a_motion_that_nobody_feeds_is_brought_to_rest(bench):
    bench.begin()
    bench.loop.beat = time.monotonic() - STALL_S - 0.1
    for _ in range(STALL_LOOKS - 1):
        bench.runner.look_after()
    assert bench.robot.is_in_control
    with pytest.raises(LoopError):
        bench.runner.look_after()
    assert isinstance(bench.robot.motions[-1], franky.TorqueStopMotion)
    assert not bench.robot.is_in_control
    assert ids(bench) == ["stream_stalled"]
    assert not bench.steering.is_due


def test_a_loop_that_was_late_once_is_forgiven(bench):
    bench.begin()
    for _ in range(3):
        bench.loop.beat = time.monotonic() - STALL_S - 0.1
        for _ in range(STALL_LOOKS - 1):
            bench.runner.look_after()
        bench.loop.beat = time.monotonic()
        bench.runner.look_after()
    assert bench.robot.is_in_control


def test_resting_for_a_command_goes_on_with_the_target(bench):
    bench.begin()
    bench.runner.settle(forget=False)
    assert bench.steering.is_due
    bench.runner.settle(forget=True)
    assert bench.steering.is_due  # Nothing ran: there was nothing to forget.
    bench.runner.start()
    bench.runner.settle(forget=True)
    assert not bench.steering.is_due


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
def test_why_a_motion_has_ended_becomes_a_fault(bench, kind, said, expected):
    bench.begin()
    bench.robot.abort(kind(f"libfranka: {said}"))
    bench.runner.look_after()
    assert ids(bench) == [expected]
    assert not bench.steering.is_due


def test_a_lost_connection_is_not_a_fault_of_the_motion(bench):
    bench.begin()
    bench.robot.abort(franky.NetworkException("libfranka: UDP receive: Timeout"))
    with pytest.raises(franky.NetworkException):
        bench.runner.look_after()
    assert ids(bench) == []
