import pytest

from simulator.virtual.fingers import RigidFingers
from simulator.virtual.robotiq.firmware import TWO_FINGER_85, Firmware
from tests.support.clocks import ManualClock

ACTIVATE = bytes.fromhex("010000000000")


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def fingers(clock):
    return RigidFingers(0.085, clock)


@pytest.fixture
def firmware(fingers, clock):
    """Activated and open."""
    made = Firmware(fingers, TWO_FINGER_85, clock)
    made.write(ACTIVATE)
    for _ in range(20):
        clock.now += 0.1
        made.read()
    return made


def go(position, speed=255, force=255):
    return bytes((0x09, 0, 0, position, speed, force))


def test_it_starts_reset_and_becomes_active_after_its_cycle(fingers, clock):
    firmware = Firmware(fingers, TWO_FINGER_85, clock)
    assert firmware.read().hex() == "000000000300"
    firmware.write(ACTIVATE)
    assert firmware.read()[0] == 0x11
    clock.now += 0.7
    assert firmware.read()[4] > 200, "it closes first"
    clock.now += 0.9
    firmware.read()
    assert firmware.read()[0] == 0x31


def test_it_moves_at_the_asked_speed_and_tells_when_it_is_there(firmware, clock):
    firmware.write(go(255, speed=0))
    assert firmware.read()[0] == 0x39
    before = firmware.read()[4]
    clock.now += 1.0
    assert firmware.read()[4] - before == round(0.020 * 227 / 0.085)
    clock.now += 10.0
    assert firmware.read().hex() == "f90000ffe600"


def test_an_object_stops_it_with_force(firmware, fingers, clock):
    fingers.place_object(0.04)
    firmware.write(go(255))
    clock.now += 1.0
    status = firmware.read()
    assert (status[0], status[3]) == (0xB9, 255)
    assert status[4] == round(230 - 0.04 / 0.085 * 227)
    assert status[5] == 60
    firmware.write(go(0))
    clock.now += 1.0
    assert firmware.read()[0] == 0xF9


def test_the_echo_comes_late_where_it_is_told_to(fingers, clock):
    from dataclasses import replace

    firmware = Firmware(fingers, replace(TWO_FINGER_85, echo_s=0.05, activation_s=0.0), clock)
    firmware.write(ACTIVATE)
    clock.now += 0.1
    firmware.read()
    firmware.write(go(100))
    assert firmware.read()[3] == 0
    clock.now += 0.06
    assert firmware.read()[3] == 100


def test_a_target_without_activation_is_a_fault(fingers, clock):
    firmware = Firmware(fingers, TWO_FINGER_85, clock)
    firmware.write(bytes((0x08, 0, 0, 255, 255, 255)))
    clock.now += 1.0
    assert firmware.read().hex() == "000007ff0300"


def test_a_target_during_the_activation_is_delayed(fingers, clock):
    firmware = Firmware(fingers, TWO_FINGER_85, clock)
    firmware.write(go(255))
    assert firmware.read()[2] == 0x05


@pytest.mark.parametrize("code", range(0xA, 0x10))
def test_a_major_fault_stops_the_fingers_until_a_reset(firmware, clock, code):
    firmware.write(go(255, speed=0))
    clock.now += 0.5
    firmware.set_fault(code)
    where = firmware.read()[4]
    clock.now += 5.0
    assert firmware.read()[2] == code
    assert firmware.read()[4] == where
    firmware.write(bytes(6))
    assert firmware.read()[:3].hex() == "000000"


def test_a_minor_fault_stops_nothing(firmware, clock):
    firmware.write(go(255))
    firmware.set_fault(0x8)
    clock.now += 2.0
    assert firmware.read().hex() == "f90008ffe600"


def test_clearing_the_go_bit_stops_the_fingers(firmware, clock):
    firmware.write(go(255, speed=0))
    clock.now += 0.5
    firmware.write(bytes((0x01, 0, 0, 255, 0, 0)))
    where = firmware.read()[4]
    clock.now += 1.0
    assert firmware.read()[4] == where
    assert firmware.read()[0] == 0x31
