import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_daemon.drivers.robotiq.registers import Activation, Command, Detection, Status

byte = st.integers(0, 255)


@pytest.mark.parametrize(
    ("golden", "activation", "detection", "go"),
    [
        ("000000000000", Activation.RESET, Detection.MOVING, False),
        ("110000000000", Activation.ACTIVATING, Detection.MOVING, False),
        ("310000000000", Activation.ACTIVE, Detection.MOVING, False),
        ("39000000bb10", Activation.ACTIVE, Detection.MOVING, True),
        ("b90000ffbd00", Activation.ACTIVE, Detection.STOPPED_CLOSING, True),
        ("790000000d00", Activation.ACTIVE, Detection.STOPPED_OPENING, True),
        ("f90000000d00", Activation.ACTIVE, Detection.AT_POSITION, True),
    ],
)
def test_the_status_of_the_manual_is_understood(golden, activation, detection, go):
    status = Status.from_bytes(bytes.fromhex(golden))
    assert (status.activation, status.detection, status.go) == (activation, detection, go)
    assert status.activated is (golden != "000000000000")


def test_each_byte_has_its_place():
    status = Status.from_bytes(bytes.fromhex("39001e0bbd10"))
    assert (status.fault, status.requested_position, status.position) == (0x0E, 0x0B, 0xBD)
    assert status.current == pytest.approx(0.16)


@given(st.booleans(), st.booleans(), byte, byte, byte)
def test_a_command_holds_its_values_in_the_order_of_the_manual(activate, go, position, speed, force):
    data = Command(activate=activate, go=go, position=position, speed=speed, force=force).to_bytes()
    assert data == bytes((activate + 8 * go, 0, 0, position, speed, force))


@given(st.binary(min_size=6, max_size=6))
def test_any_status_can_be_read(data):
    status = Status.from_bytes(data)
    assert status.is_reset == (not data[0] & 0x31)
    assert 0 <= status.fault <= 15
