import pytest

from robot_daemon.drivers.robotiq.faults import FAULTS, INACTIVE_ID, LOST_ID, FaultMemory
from robot_daemon.drivers.robotiq.registers import Status
from serl_api.enums import FaultSeverity, FaultSource

pytestmark = pytest.mark.real_time

WARNINGS = {0x5: "gripper_action_delayed", 0x7: INACTIVE_ID, 0x8: "gripper_overheated", 0x9: "gripper_unheard"}
CRITICAL = {
    0xA: "gripper_undervoltage",
    0xB: "gripper_releasing",
    0xC: "gripper_internal",
    0xD: "gripper_activation",
    0xE: "gripper_overcurrent",
    0xF: "gripper_released",
}


def status(fault=0, byte=0x31):
    return Status.from_bytes(bytes((byte, 0, fault, 0, 0, 0)))


def memory_of(*reports):
    memory = FaultMemory("/dev/ttyUSB0")
    for time_ns, report in enumerate(reports):
        memory.note_status(report, time_ns)
    return memory


def ids(memory):
    return [fault.id for fault in memory.active]


def test_every_code_of_the_manual_is_known():
    assert {code: fault.id for code, fault in FAULTS.items()} == WARNINGS | CRITICAL


@pytest.mark.parametrize("code", FAULTS)
def test_every_code_is_one_sentence_with_a_way_out(code):
    (fault,) = memory_of(status(code)).active
    assert fault.text.startswith("the ")
    assert ";" in fault.text
    assert not fault.text.endswith(".")
    assert fault.source is FaultSource.GRIPPER


@pytest.mark.parametrize("code", WARNINGS)
def test_a_warning_ends_with_its_cause(code):
    assert ids(memory_of(status(code))) == [WARNINGS[code]]
    assert memory_of(status(code)).active[0].severity is FaultSeverity.WARNING
    assert ids(memory_of(status(code), status())) == []


@pytest.mark.parametrize("code", CRITICAL)
def test_a_critical_fault_outlives_its_cause_until_a_reset(code):
    memory = memory_of(status(code), status(), status(0, 0x00))
    assert CRITICAL[code] in ids(memory)
    fault = next(fault for fault in memory.active if fault.id == CRITICAL[code])
    assert (fault.severity, fault.clearable, fault.onset_time_ns) == (FaultSeverity.CRITICAL, True, 0)
    memory.note_reset()
    memory.note_status(status(0, 0x00), 9)
    assert ids(memory) == [INACTIVE_ID]


def test_a_critical_fault_that_persists_comes_back_after_the_reset():
    memory = memory_of(status(0xA))
    memory.note_reset()
    memory.note_status(status(0xA), 5)
    assert ids(memory) == ["gripper_undervoltage"]


def test_a_code_that_the_manual_does_not_list_stops_the_cell():
    (fault,) = memory_of(status(0x3)).active
    assert fault.severity is FaultSeverity.CRITICAL
    assert "code 3" in fault.text


def test_a_gripper_in_reset_is_not_activated():
    (fault,) = memory_of(status(0, 0x00)).active
    assert "not activated" in fault.text
    assert not fault.clearable
    assert memory_of(status(0, 0x11)).active == ()


def test_a_loss_names_line_and_reason_and_keeps_its_onset():
    memory = memory_of(status())
    memory.note_loss("nobody answered", 7)
    memory.note_loss("still nobody", 8)
    (fault,) = memory.active
    assert (fault.id, fault.onset_time_ns) == (LOST_ID, 7)
    assert "/dev/ttyUSB0 is lost: nobody answered" in fault.text
    memory.note_status(status(), 9)
    assert memory.active == ()


def test_a_loss_does_not_clear_a_critical_fault():
    memory = memory_of(status(0xE))
    memory.note_loss("nobody answered", 7)
    assert set(ids(memory)) == {"gripper_overcurrent", LOST_ID}
