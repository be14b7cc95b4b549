"""The driver with the real libfranka inside franky, against the virtual hand."""

import os
import subprocess
import sys
from itertools import count

import pytest

from robot_daemon.config.cell_builder import build_cell, device_options
from robot_daemon.config.cell_config import DaemonConfig, DriverConfig
from robot_daemon.drivers.franka_hand import FrankaHand, FrankaHandOptions
from robot_daemon.drivers.franka_hand import commander as commander_module
from robot_daemon.hardware.devices import DeviceConnectError
from robot_daemon.hardware.timebase import RealTimebase
from serl_api.enums import GripperMotion
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.settings import ConfigError
from serl_api.values import GripperTarget
from simulator.virtual.hand import Kind, VirtualHand
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real_time

addresses = (f"127.{1 + os.getpid() % 250}.{os.getpid() // 250 % 250}.{number}" for number in count(1))


@pytest.fixture
def virtual():
    with VirtualHand(next(addresses)) as served:
        yield served


@pytest.fixture
def connect():
    hands = []

    def build(virtual, **options):
        hands.append(FrankaHand(FrankaHandOptions(host=virtual.host, **options), RealTimebase()))
        return hands[-1]

    yield build
    for hand in hands:
        hand.close()


@pytest.fixture
def hand(virtual, connect):
    return connect(virtual)


def ids(hand):
    return [fault.id for fault in hand.faults()]


def motion(hand):
    return hand.read_state().motion


def kinds(virtual):
    return [message.kind for message in virtual.commands]


def test_it_is_taken_over_as_it_is(virtual, hand):
    state = hand.read_state()
    assert (state.width, state.target_width) == (0.08, 0.08)
    assert state.motion is GripperMotion.AT_TARGET
    assert (hand.info.model, hand.info.max_width) == ("franka-hand", 0.08)
    assert virtual.commands == []
    assert hand.faults() == ()


def test_an_opening_width_is_a_move_and_is_reached(virtual, hand):
    hand.set_target(GripperTarget(width=0.0))
    wait_until(lambda: motion(hand) is GripperMotion.AT_TARGET)
    hand.set_target(GripperTarget(width=0.06, speed=0.08))
    assert motion(hand) is GripperMotion.MOVING
    wait_until(lambda: motion(hand) is GripperMotion.AT_TARGET)
    assert hand.read_state().width == pytest.approx(0.06, abs=0.001)
    assert kinds(virtual) == [Kind.GRASP, Kind.MOVE]
    assert virtual.commands[1].values == (0.06, 0.08)


def test_closing_fully_is_a_grasp_that_holds_what_is_there(virtual, hand):
    virtual.fingers.place_object(0.06)
    hand.set_target(GripperTarget(width=0.0))
    wait_until(lambda: motion(hand) is GripperMotion.OBJECT_HELD)
    assert hand.read_state().width == pytest.approx(0.06)
    assert kinds(virtual) == [Kind.GRASP]
    assert virtual.commands[0].values == (0.0, 1.0, 1.0, 0.1, 40.0)
    hand.set_target(GripperTarget(width=0.08))
    wait_until(lambda: motion(hand) is GripperMotion.AT_TARGET)
    assert kinds(virtual) == [Kind.GRASP, Kind.MOVE]


def test_closing_on_nothing_holds_nothing(virtual, hand):
    hand.set_target(GripperTarget(width=0.0))
    wait_until(lambda: motion(hand) is GripperMotion.AT_TARGET)
    assert hand.read_state().width == pytest.approx(0.0, abs=0.001)
    assert hand.faults() == ()


def test_a_force_makes_a_grasp_of_a_closing_target_and_not_of_an_opening_one(virtual, hand):
    virtual.fingers.place_object(0.07)
    hand.set_target(GripperTarget(width=0.05, force=25.0))
    wait_until(lambda: motion(hand) is GripperMotion.OBJECT_HELD)
    assert (kinds(virtual), virtual.commands[0].values[4]) == ([Kind.GRASP], 25.0)
    hand.set_target(GripperTarget(width=0.08, force=25.0))
    wait_until(lambda: motion(hand) is GripperMotion.AT_TARGET)
    assert kinds(virtual)[1] is Kind.MOVE


def test_every_closing_target_is_a_grasp_and_one_serves_the_next(virtual, hand):
    virtual.fingers.place_object(0.05)
    hand.set_target(GripperTarget(width=0.07))
    hand.set_target(GripperTarget(width=0.06))
    wait_until(lambda: motion(hand) is GripperMotion.OBJECT_HELD)
    for width in (0.04, 0.03, 0.0):  # What is held is not let go of to be grasped again.
        hand.set_target(GripperTarget(width=width))
        assert motion(hand) is GripperMotion.OBJECT_HELD
    assert kinds(virtual) == [Kind.GRASP]
    hand.set_target(GripperTarget(width=0.0, force=60.0))
    wait_until(lambda: kinds(virtual) == [Kind.GRASP, Kind.GRASP])
    assert virtual.commands[1].values[4] == 60.0


def test_a_grasp_of_nothing_is_at_its_target_and_not_held(hand):
    hand.set_target(GripperTarget(width=0.05))
    wait_until(lambda: motion(hand) is GripperMotion.AT_TARGET)
    assert hand.read_state().width == pytest.approx(0.0, abs=0.001)


def test_a_move_that_meets_something_is_held_up_by_an_object(virtual, connect):
    hand = connect(virtual, grasp_below_m=0.01)
    virtual.fingers.place_object(0.07)
    hand.set_target(GripperTarget(width=0.05))
    wait_until(lambda: motion(hand) is GripperMotion.OBJECT_HELD)
    assert kinds(virtual) == [Kind.MOVE]


def test_the_newest_target_stops_what_runs(virtual, hand):
    hand.set_target(GripperTarget(width=0.02, speed=0.02))
    wait_until(lambda: hand.read_state().width < 0.078)
    hand.set_target(GripperTarget(width=0.08, speed=0.1))
    hand.set_target(GripperTarget(width=0.079, speed=0.1))
    wait_until(lambda: motion(hand) is GripperMotion.AT_TARGET)
    assert hand.read_state().width == pytest.approx(0.079, abs=0.001)
    assert kinds(virtual)[:2] == [Kind.GRASP, Kind.STOP]
    assert virtual.commands[-1].values == (0.079, 0.1)
    assert hand.faults() == ()


def test_a_target_within_the_dead_zone_does_not_interrupt(virtual, connect):
    hand = connect(virtual, grasp_below_m=0.01)
    for width in (0.07, 0.0705, 0.0695, 0.07):
        hand.set_target(GripperTarget(width=width))
    wait_until(lambda: motion(hand) is GripperMotion.AT_TARGET)
    assert kinds(virtual) == [Kind.MOVE]


def test_it_ignores_targets_until_it_is_homed(connect):
    with VirtualHand(next(addresses), is_homed=False, homing_speed=1.0) as virtual:
        hand = connect(virtual)
        wait_until(hand.faults)
        hand.set_target(GripperTarget(width=0.0))
        assert ids(hand) == ["gripper_not_activated"]
        assert "is not homed and ignores targets" in hand.faults()[0].text
        assert motion(hand) is GripperMotion.INACTIVE
        assert virtual.commands == []
        hand.activate()
        assert motion(hand) is GripperMotion.MOVING
        wait_until(lambda: motion(hand) is GripperMotion.AT_TARGET)
        assert hand.faults() == ()
        assert kinds(virtual) == [Kind.HOMING]
        hand.close()


def test_it_homes_at_start_only_when_told_to_and_not_yet_done(virtual, connect):
    homed = connect(virtual, activate=True)
    seen = homed.read_state().time_ns
    wait_until(lambda: homed.read_state().time_ns > seen + 50_000_000)
    homed.close()
    assert virtual.commands == []
    with VirtualHand(next(addresses), is_homed=False) as other:
        hand = connect(other, activate=True)
        wait_until(lambda: kinds(other) == [Kind.HOMING])
        hand.close()


def test_a_lost_hand_returns_by_itself_but_does_not_move_by_itself(virtual, hand):
    hand.set_target(GripperTarget(width=0.03, speed=0.02))
    wait_until(lambda: hand.read_state().width < 0.078)
    virtual.unplug()
    wait_until(hand.faults)
    assert ids(hand) == ["gripper_lost"]
    assert virtual.host in hand.faults()[0].text
    with pytest.raises(DeviceUnavailableError):
        hand.read_state()
    hand.set_target(GripperTarget(width=0.0))
    hand.activate()
    virtual.plug()
    wait_until(lambda: not hand.faults())
    seen = hand.read_state()
    assert seen.target_width == seen.width
    wait_until(lambda: hand.read_state().time_ns > seen.time_ns + 50_000_000)
    assert [kind for kind in kinds(virtual) if kind is not Kind.STOP] == [Kind.GRASP]
    hand.set_target(GripperTarget(width=0.08))
    wait_until(lambda: kinds(virtual)[-1] is Kind.MOVE)


def test_silence_is_a_loss(virtual, hand):
    virtual.is_silent = True
    wait_until(lambda: ids(hand) == ["gripper_lost"])
    virtual.is_silent = False
    wait_until(lambda: not hand.faults())


@pytest.fixture
def impatience(monkeypatch):
    monkeypatch.setattr(commander_module, "MARGIN_S", -1.9)
    monkeypatch.setattr(commander_module, "STOP_TIME_S", 0.1)
    return monkeypatch


def test_a_stop_that_is_not_answered_is_no_lost_hand(virtual, hand, impatience):
    virtual.is_stalled = True
    hand.set_target(GripperTarget(width=0.03))
    wait_until(lambda: ids(hand) == ["gripper_command_failed"])
    assert "it answered neither the command nor a stop" in hand.faults()[0].text
    assert hand.read_state().target_width == 0.03, "nothing was forgotten"
    virtual.is_stalled = False
    impatience.undo()
    hand.set_target(GripperTarget(width=0.0))
    wait_until(lambda: hand.read_state().width < 0.001)
    wait_until(lambda: not hand.faults())


STUCK = """
import sys
sys.path[:0] = sys.argv[2].split(":")
from serl_api.values import GripperTarget
from robot_daemon.drivers.franka_hand import FrankaHand, FrankaHandOptions, commander
from robot_daemon.hardware.timebase import RealTimebase
commander.STOP_TIME_S = 0.1
hand = FrankaHand(FrankaHandOptions(host=sys.argv[1]), RealTimebase())
hand.set_target(GripperTarget(width=0.03))
sys.stdin.readline()
hand.close()
print("closed", len(commander._abandoned))
"""


def test_a_hand_that_never_answers_does_not_keep_the_process_alive(virtual):
    virtual.is_stalled = True
    arguments = [sys.executable, "-c", STUCK, virtual.host, ":".join(filter(None, sys.path))]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        wait_until(lambda: virtual.commands)
        said, _ = process.communicate("go on\n", timeout=20)
    assert (process.returncode, said) == (0, "closed 2\n")


def test_a_failed_command_is_a_warning_until_the_next_succeeds(virtual, hand, monkeypatch):
    monkeypatch.setattr(commander_module, "MARGIN_S", -1.9)
    hand.set_target(GripperTarget(width=0.02, speed=0.1))
    wait_until(hand.faults)
    (fault,) = hand.faults()
    assert fault.id == "gripper_command_failed"
    assert "Command aborted" in fault.text
    hand.recover(("gripper_command_failed",))
    assert hand.faults() == ()


def test_no_hand_is_told_with_its_address(connect):
    nobody = type("Nobody", (), {"host": next(addresses)})()
    with pytest.raises(DeviceConnectError) as caught:
        connect(nobody)
    text = f"no Franka Hand at {nobody.host} (Connection to FCI refused); check the address, that FCI is enabled"
    assert str(caught.value).startswith(text)


def test_another_version_is_told_with_both(connect):
    with VirtualHand(next(addresses), version=2) as virtual, pytest.raises(DeviceConnectError) as caught:
        connect(virtual)
    assert "(server version: 2, library version: 3)" in str(caught.value)
    assert "system image 5.9.0" in str(caught.value)


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({}, "key gripper.host is missing"),
        ({"host": ""}, "gripper.host is empty"),
        ({"host": "x", "default_force_n": 200.0}, r"gripper.default_force_n is 200; it must be in \(0, 70\]"),
        ({"host": "x", "default_speed_m_per_s": 0.0}, r"default_speed_m_per_s is 0; it must be in \(0, 0.1\]"),
        ({"host": "x", "hosts": "y"}, "unknown key gripper.hosts; did you mean host"),
    ],
)
def test_a_wrong_option_is_told(table, text):
    with pytest.raises(ConfigError, match=text):
        device_options(DriverConfig(driver="franka-hand", options=table), "gripper")


def test_a_cells_file_builds_it(virtual):
    driver = DriverConfig(driver="franka-hand", options={"host": virtual.host})
    cell = build_cell(DaemonConfig(arm=DriverConfig(driver="fake"), gripper=driver))
    assert isinstance(cell.gripper, FrankaHand)
    cell.gripper.close()
    cell.arm.close()
