import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer.rtu import FramerRTU

from robot_daemon.drivers.robotiq.modbus import (
    READ_HOLDING,
    READ_INPUT,
    STRAY_ZEROS,
    BusyError,
    GarbledAnswerError,
    ModbusClient,
    NoAnswerError,
    RefusedError,
    crc16,
    frame,
    read_request,
)
from robot_daemon.drivers.robotiq.registers import COMMAND_ADDRESS, STATUS_ADDRESS, Command

pytestmark = pytest.mark.real_time

CLOSE = Command(activate=True, go=True, position=255, speed=255, force=255)
OPEN = Command(activate=True, go=True, position=0, speed=255, force=255)
ACKNOWLEDGED = "091003e800030130"
WRITES = [
    (Command(), "091003e80003060000000000007330"),
    (Command(activate=True), "091003e800030601000000000072e1"),
    (CLOSE, "091003e8000306090000ffffff4229"),
    (OPEN, "091003e800030609000000ffff7219"),
]
READS = [
    (READ_INPUT, 1, "090407d00001300f", "090402110054a1", "1100"),
    (READ_INPUT, 1, "090407d00001300f", "09040231004d61", "3100"),
    (READ_HOLDING, 1, "090307d0000185cf", "09030231004c15", "3100"),
    (READ_INPUT, 3, None, "090406b90000ffbd005c9a", "b90000ffbd00"),
    (READ_INPUT, 3, None, "090406f90000000d0017aa", "f90000000d00"),
    (READ_INPUT, 3, None, "09040639000000bb107106", "39000000bb10"),
]


class ScriptedLine:
    """Answers each request with the next of some answers; leftovers are what came in before."""

    def __init__(self, *answers, leftover=b""):
        self.answers = list(answers)
        self.written = []
        self.incoming = leftover
        self.is_closed = False

    def write(self, data):
        self.written.append(data)
        self.incoming += self.answers.pop(0)

    def read(self, count):
        data, self.incoming = self.incoming[:count], self.incoming[count:]
        return data

    def discard(self):
        self.incoming = b""

    def close(self):
        self.is_closed = True


def table_crc(data):
    """CRC-16 by the table of the polynomial x^16 + x^15 + x^2 + 1 in its unreflected form, bits turned at both ends."""

    def turned(value, bits):
        return int(f"{value:0{bits}b}"[::-1], 2)

    table = []
    for index in range(256):
        value = index << 8
        for _ in range(8):
            value = ((value << 1) ^ 0x8005) & 0xFFFF if value & 0x8000 else (value << 1) & 0xFFFF
        table.append(value)
    crc = 0xFFFF
    for byte in data:
        crc = ((crc << 8) & 0xFFFF) ^ table[(crc >> 8) ^ turned(byte, 8)]
    return turned(crc, 16)


def client(*answers, **options):
    line = ScriptedLine(*answers, **options)
    return ModbusClient(line, 9), line


@given(st.binary(max_size=300))
def test_the_check_agrees_with_a_table_and_with_pymodbus(data):
    assert crc16(data) == table_crc(data)
    assert crc16(data).to_bytes(2, "little") == FramerRTU.compute_CRC(data).to_bytes(2, "big")


@pytest.mark.parametrize(("command", "golden"), WRITES)
def test_a_command_is_written_byte_for_byte_as_in_the_manual(command, golden):
    gripper, line = client(bytes.fromhex(ACKNOWLEDGED))
    gripper.write_registers(COMMAND_ADDRESS, command.to_bytes())
    assert line.written == [bytes.fromhex(golden)]


@pytest.mark.parametrize(("function", "count", "request_", "answer", "content"), READS)
def test_a_status_is_read_byte_for_byte_as_in_the_manual(function, count, request_, answer, content):
    gripper, line = client(bytes.fromhex(answer))
    assert gripper.read_registers(function, STATUS_ADDRESS, count) == bytes.fromhex(content)
    if request_ is not None:
        assert line.written == [bytes.fromhex(request_)]


def test_silence_is_told_from_noise():
    gripper, _ = client(b"", b"\x09\x04", bytes.fromhex("090406b90000ffbd005c9b"))
    with pytest.raises(NoAnswerError):
        gripper.read_registers(READ_INPUT, STATUS_ADDRESS, 3)
    with pytest.raises(GarbledAnswerError, match="check is wrong: 09 04"):
        gripper.read_registers(READ_INPUT, STATUS_ADDRESS, 3)
    with pytest.raises(GarbledAnswerError, match="check is wrong"):
        gripper.read_registers(READ_INPUT, STATUS_ADDRESS, 3)


@pytest.mark.parametrize(
    ("slave", "body", "text"),
    [
        (8, "0406b90000ffbd00", "comes from slave 8"),
        (9, "0306b90000ffbd00", "answers function 3 instead of 4"),
        (9, "0404b90000ffbd00", "holds 4 bytes instead of 6"),
    ],
)
def test_an_answer_to_something_else_is_refused(slave, body, text):
    gripper, _ = client(frame(slave, bytes.fromhex(body)))
    with pytest.raises(GarbledAnswerError, match=text):
        gripper.read_registers(READ_INPUT, STATUS_ADDRESS, 3)


def test_an_acknowledgement_of_other_registers_is_refused():
    gripper, _ = client(frame(9, bytes.fromhex("1003e90003")))
    with pytest.raises(GarbledAnswerError, match="other registers"):
        gripper.write_registers(COMMAND_ADDRESS, bytes(6))


def test_an_exception_is_told_with_its_reason():
    gripper, _ = client(frame(9, bytes.fromhex("8402")))
    with pytest.raises(RefusedError, match="unknown register"):
        gripper.read_registers(READ_INPUT, STATUS_ADDRESS, 3)


@pytest.mark.parametrize("number", [5, 6])
def test_a_device_that_is_busy_is_told_from_one_that_refuses(number):
    gripper, _ = client(frame(9, bytes((0x90, number))))
    with pytest.raises(BusyError, match=f"exception {number}"):
        gripper.write_registers(COMMAND_ADDRESS, bytes(6))


@pytest.mark.parametrize("zeros", range(STRAY_ZEROS + 1))
def test_zeros_of_an_adapter_that_turns_the_line_around_are_skipped(zeros):
    answer = bytes.fromhex("090406b90000ffbd005c9a")
    gripper, _ = client(bytes(zeros) + answer)
    assert gripper.read_registers(READ_INPUT, STATUS_ADDRESS, 3).hex() == "b90000ffbd00"


def test_more_zeros_than_an_adapter_makes_are_noise():
    gripper, _ = client(bytes(40))
    with pytest.raises(GarbledAnswerError):
        gripper.read_registers(READ_INPUT, STATUS_ADDRESS, 3)


def test_a_late_answer_does_not_pass_for_the_next_one():
    late = bytes.fromhex("090406b90000ffbd005c9a")
    gripper, _ = client(bytes.fromhex("090406f90000000d0017aa"), leftover=late)
    assert gripper.read_registers(READ_INPUT, STATUS_ADDRESS, 3).hex() == "f90000000d00"


@given(st.integers(0, 10), st.integers(1, 255))
def test_no_flipped_byte_passes(index, flip):
    answer = bytearray.fromhex("090406b90000ffbd005c9a")
    answer[index] ^= flip
    gripper, _ = client(bytes(answer))
    with pytest.raises((GarbledAnswerError, RefusedError)):
        gripper.read_registers(READ_INPUT, STATUS_ADDRESS, 3)


def test_a_request_holds_its_numbers_high_byte_first():
    assert read_request(READ_INPUT, 0x1234, 0x0102).hex() == "0412340102"


def test_closing_lets_go_of_the_line():
    gripper, line = client()
    gripper.close()
    assert line.is_closed
