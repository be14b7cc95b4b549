"""The polling thread over a device that changes its mind exactly between two exchanges."""

import threading

import pytest

from robot_daemon.drivers.robotiq.faults import FaultMemory
from robot_daemon.drivers.robotiq.modbus import BusyError, GarbledAnswerError, LineLostError
from robot_daemon.drivers.robotiq.poller import LOST_AFTER_S, MISSES_UNTIL_LOST, Cycle, Poller
from robot_daemon.drivers.robotiq.registers import Command, Status
from robot_daemon.hardware.devices import DeviceConnectError
from tests.support.clocks import ManualClock
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real_time

RESET, ACTIVATING, ACTIVE = "000000000300", "110000000300", "310000000300"
CLOSE = Command(activate=True, go=True, position=255)


class Device:
    """Says what it is told to say, and does something of the test's on its n-th reading."""

    def __init__(self, *statuses):
        self.statuses = list(statuses)
        self.written = []
        self.reads = 0
        self.on_read = {}
        self.is_closed = False

    def read(self):
        self.reads += 1
        self.on_read.pop(self.reads, lambda: None)()
        if self.statuses[0] is None:
            raise LineLostError("the port vanished")
        if isinstance(self.statuses[0], Exception):
            raise self.statuses[0]
        return Status.from_bytes(bytes.fromhex(self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]))

    def write(self, command):
        self.written.append(command)

    def close(self):
        self.is_closed = True


@pytest.fixture
def poll():
    """Begins to poll a device whose readings from the second on wait until it has returned."""
    pollers = []

    def begin(device, connect=None, **options):
        gate = threading.Event()
        device.on_read[2] = gate.wait
        poller = Poller(connect or (lambda: device), FaultMemory("line"), lambda: 0, 200.0, **options)
        pollers.append(poller)
        return poller, gate

    yield begin
    for poller in pollers:
        poller.close()


def test_a_request_for_a_gripper_that_was_reset_meanwhile_is_forgotten(poll):
    device = Device(ACTIVE, RESET, RESET, RESET, ACTIVE)
    poller, gate = poll(device)
    poller.submit(CLOSE, 0.0)
    gate.set()
    wait_until(lambda: device.reads > 10)
    assert poller.request is None
    assert device.written == []


def test_a_request_to_a_gripper_in_reset_is_not_taken(poll):
    device = Device(RESET)
    poller, gate = poll(device)
    poller.submit(CLOSE, 0.0)
    assert poller.request is None
    gate.set()
    wait_until(lambda: device.reads > 10)
    assert device.written == []


def test_a_request_waits_for_the_end_of_the_activation(poll):
    device = Device(ACTIVATING)
    poller, gate = poll(device)
    poller.submit(CLOSE, 0.0)
    gate.set()
    wait_until(lambda: device.reads > 10)
    assert device.written == []
    device.statuses = [ACTIVE]
    wait_until(lambda: device.written)
    assert device.written == [CLOSE]


def test_the_activation_begins_only_after_the_gripper_has_confirmed_its_reset(poll):
    device = Device(ACTIVE)
    poller, gate = poll(device)
    poller.begin(Cycle.ACTIVATE)
    gate.set()
    wait_until(lambda: len(device.written) > 3)
    assert set(device.written) == {Command()}
    assert poller.is_cycling
    device.statuses = [RESET, ACTIVATING]
    wait_until(lambda: not poller.is_cycling)
    assert device.written[-1] == Command(activate=True)
    assert device.written.count(Command(activate=True)) == 1


def test_nothing_of_before_a_loss_is_written_after_it(poll):
    device = Device(ACTIVE)
    poller, gate = poll(device)
    device.statuses = [None]
    poller.submit(CLOSE, 0.0)
    gate.set()
    wait_until(lambda: poller.sample is None)
    written = list(device.written)
    device.statuses = [ACTIVE]
    wait_until(lambda: poller.sample is not None)
    reads = device.reads
    wait_until(lambda: device.reads > reads + 5)
    assert device.written == written
    assert poller.request is None
    assert device.is_closed


def test_a_burst_of_noise_loses_neither_the_gripper_nor_what_was_asked_for(poll):
    device, clock = Device(ACTIVE), ManualClock()
    poller, gate = poll(device, clock=clock)
    device.statuses = [GarbledAnswerError("noise")]
    poller.submit(CLOSE, 0.0)
    device.write = lambda command: device.read()
    gate.set()
    wait_until(lambda: device.reads > 3 * MISSES_UNTIL_LOST)
    assert poller.sample is not None
    device.write = device.written.append
    device.statuses = [ACTIVE]
    wait_until(lambda: device.written == [CLOSE])
    device.statuses = [GarbledAnswerError("noise")]
    clock.now += LOST_AFTER_S
    wait_until(lambda: poller.sample is None)


def test_a_gripper_that_is_busy_is_there(poll):
    device, clock = Device(ACTIVE), ManualClock()
    poller, gate = poll(device, clock=clock)
    device.statuses = [BusyError("busy")]
    clock.now += 2 * LOST_AFTER_S
    gate.set()
    reads = device.reads
    wait_until(lambda: device.reads > reads + 3 * MISSES_UNTIL_LOST)
    assert poller.sample is not None


def test_a_device_that_answers_once_and_then_no_more_cannot_be_used():
    device = Device(None)
    with pytest.raises(DeviceConnectError, match="answers once and then no more: the port vanished"):
        Poller(lambda: device, FaultMemory("line"), lambda: 0, 200.0)
    assert device.is_closed


def test_a_bug_below_makes_the_gripper_lost_instead_of_silent(poll, caplog):
    device = Device(ACTIVE)
    poller, gate = poll(device)
    device.on_read[3] = lambda: 1 / 0
    gate.set()
    wait_until(lambda: "met a bug" in caplog.text)
    wait_until(lambda: poller.sample is not None)


def test_a_wait_for_a_cycle_ends_with_a_loss(poll):
    device = Device(ACTIVE)
    poller, gate = poll(device)
    poller.begin(Cycle.RESET)
    device.statuses = [None]
    gate.set()
    poller.wait_for_cycle(30.0)
    assert not poller.is_cycling
