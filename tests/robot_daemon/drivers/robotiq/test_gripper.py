import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_daemon.config.cell_builder import build_cell
from robot_daemon.config.cell_config import DaemonConfig, DriverConfig
from robot_daemon.drivers.robotiq import RobotiqGripper
from robot_daemon.drivers.robotiq.gripper import CONNECT_ATTEMPTS, motion_of
from robot_daemon.drivers.robotiq.poller import Request, Sample
from robot_daemon.drivers.robotiq.registers import Command, Status
from robot_daemon.hardware.devices import DeviceConnectError
from serl_api.enums import GripperMotion
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.values import GripperTarget
from simulator.virtual.robotiq import TWO_FINGER_85, VirtualRobotiq
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real_time


def sample(hexadecimal, written=1):
    return Sample(0, Status.from_bytes(bytes.fromhex(hexadecimal)), written)


def request(position, number=1):
    return Request(number, Command(activate=True, go=True, position=position), 0.0)


def ids(gripper):
    return [fault.id for fault in gripper.faults()]


def arrived(gripper, width):
    """The state once the fingers rest at a width: half a millimetre before it they count as there and still move."""

    def state():
        state = gripper.read_state()
        return state if state.motion is GripperMotion.AT_TARGET and abs(state.width - width) < 0.0004 else None

    return wait_until(state, explain=gripper.read_state)


def writes(virtual):
    return [data for direction, data in virtual.frames if direction == "in" and data[1] == 16]


@pytest.mark.parametrize(
    ("status", "motion"),
    [
        ("000000000000", GripperMotion.INACTIVE),
        ("110000000000", GripperMotion.MOVING),
        ("310000000000", GripperMotion.AT_TARGET),
        ("390000ff1000", GripperMotion.MOVING),
        ("790000ff1000", GripperMotion.OBJECT_HELD),
        ("b90000ffbd00", GripperMotion.OBJECT_HELD),
        ("f90000ffe600", GripperMotion.AT_TARGET),
        ("f9000effe600", GripperMotion.FAULTED),
        ("f90008ffe600", GripperMotion.AT_TARGET),
    ],
)
def test_motion_follows_the_status(status, motion):
    assert motion_of(sample(status), None) is motion


@given(st.sampled_from(["79", "b9", "f9"]), st.integers(0, 255), st.integers(0, 255))
def test_detection_counts_only_once_the_echo_equals_the_request(byte, echo, asked):
    seen = motion_of(sample(f"{byte}0000{echo:02x}8000"), request(asked))
    assert (seen is GripperMotion.MOVING) == (echo != asked)


def test_detection_of_before_the_write_does_not_count_even_when_the_echo_agrees():
    stale = sample("b90000ffbd00", written=1)
    assert motion_of(stale, request(255, number=2)) is GripperMotion.MOVING
    assert motion_of(sample("b90000ffbd00", written=2), request(255, number=2)) is GripperMotion.OBJECT_HELD


def test_nothing_moves_before_an_activation_is_asked_for(virtual, connect):
    gripper = connect(virtual.port)
    gripper.set_target(GripperTarget(width=0.0))
    (fault,) = gripper.faults()
    assert fault.id == "gripper_not_activated"
    assert "the gripper is not activated and ignores targets" in fault.text
    seen = gripper.read_state().time_ns
    wait_until(lambda: gripper.read_state().time_ns > seen + 20_000_000)
    assert gripper.read_state().motion is GripperMotion.INACTIVE
    assert writes(virtual) == []
    gripper.activate()
    wait_until(lambda: gripper.read_state().motion is GripperMotion.AT_TARGET)
    assert gripper.faults() == ()
    assert [frame[7] for frame in writes(virtual)] == [0, 1]
    assert arrived(gripper, 0.085).width == pytest.approx(0.085)


def test_an_active_gripper_is_taken_over_as_it_is(virtual, gripper, connect):
    gripper.set_target(GripperTarget(width=0.02))
    arrived(gripper, 0.02)
    gripper.close()
    before = len(writes(virtual))
    taken = connect(virtual.port, activate=True)
    state = taken.read_state()
    assert (state.motion, len(writes(virtual))) == (GripperMotion.AT_TARGET, before)
    assert state.width == state.target_width == pytest.approx(0.02, abs=0.0005)
    assert virtual.firmware.activation_count == 1


def test_a_width_is_reached_and_told_exactly(gripper):
    gripper.set_target(GripperTarget(width=0.0321))
    assert arrived(gripper, 0.0321).target_width == 0.0321


def test_closing_fully_and_fast_is_the_frame_of_the_manual(virtual, gripper):
    gripper.set_target(GripperTarget(width=0.0, speed=0.15, force=235.0))
    wait_until(lambda: len(writes(virtual)) == 3)
    gripper.set_target(GripperTarget(width=0.085, speed=0.15, force=235.0))
    wait_until(lambda: len(writes(virtual)) == 4)
    golden = ["091003e8000306090000ffffff4229", "091003e800030609000000ffff7219"]
    assert [frame.hex() for frame in writes(virtual)[2:]] == golden


def test_an_object_is_held_and_let_go(virtual, gripper):
    virtual.fingers.place_object(0.04)
    gripper.set_target(GripperTarget(width=0.0))
    wait_until(lambda: gripper.read_state().motion is GripperMotion.OBJECT_HELD)
    assert gripper.read_state().width == pytest.approx(0.04, abs=0.0004)
    gripper.set_target(GripperTarget(width=0.085))
    assert gripper.read_state().motion is GripperMotion.MOVING
    wait_until(lambda: gripper.read_state().motion is GripperMotion.AT_TARGET)


def test_the_newest_target_wins_and_a_repeated_one_is_not_sent(virtual, gripper):
    before = len(writes(virtual))
    for width in (0.01, 0.02, 0.03, 0.04):
        gripper.set_target(GripperTarget(width=width))
    arrived(gripper, 0.04)
    sent = len(writes(virtual))
    assert sent - before <= 4
    for _ in range(20):
        gripper.set_target(GripperTarget(width=0.04))
    seen = gripper.read_state().time_ns
    wait_until(lambda: gripper.read_state().time_ns > seen + 20_000_000)
    assert len(writes(virtual)) == sent


def test_no_call_waits_for_the_gripper(virtual, gripper):
    virtual.is_silent = True
    started = time.process_time()
    for width in range(1000):
        gripper.set_target(GripperTarget(width=width * 8e-5))
        gripper.faults()
    assert time.process_time() - started < 5.0
    assert len(writes(virtual)) < 100


def test_a_target_during_the_activation_is_obeyed_afterwards(virtual, connect):
    gripper = connect(virtual.port, activate=True)
    gripper.set_target(GripperTarget(width=0.03))
    arrived(gripper, 0.03)


@pytest.mark.parametrize("code", range(0xA, 0x10))
def test_a_major_fault_stops_the_gripper_until_recovery_and_activation(virtual, gripper, code):
    virtual.firmware.set_fault(code)
    wait_until(gripper.faults)
    (fault,) = gripper.faults()
    assert gripper.read_state().motion is GripperMotion.FAULTED
    virtual.firmware.set_fault(0)
    wait_until(lambda: gripper.read_state().motion is not GripperMotion.FAULTED)
    assert gripper.faults() == (fault,)
    assert virtual.firmware.activation_count == 1
    gripper.recover(("some_other_fault",))
    assert gripper.faults() == (fault,)
    gripper.recover((fault.id,))
    assert ids(gripper) == ["gripper_not_activated"]
    assert virtual.firmware.activation_count == 1
    gripper.activate()
    wait_until(lambda: gripper.read_state().motion is GripperMotion.AT_TARGET)
    assert gripper.faults() == ()


def test_a_stuck_activation_is_told_as_motion_and_can_be_begun_again(virtual, connect):
    virtual.firmware.set_stuck(stuck=True)
    gripper = connect(virtual.port, activate=True)
    wait_until(lambda: virtual.firmware.activation_count == 1)
    assert gripper.read_state().motion is GripperMotion.MOVING
    gripper.activate()
    wait_until(lambda: virtual.firmware.activation_count == 2)
    virtual.firmware.set_stuck(stuck=False)
    wait_until(lambda: gripper.read_state().motion is GripperMotion.AT_TARGET)


@pytest.mark.parametrize("line", ["serial", "tcp"])
def test_an_unplugged_gripper_returns_by_itself_but_does_not_move_by_itself(line, quick, connect):
    with VirtualRobotiq(ratings=quick, tcp=("127.0.0.1", 0) if line == "tcp" else None) as virtual:
        gripper = connect(virtual.port, activate=True)
        wait_until(lambda: gripper.read_state().motion is GripperMotion.AT_TARGET)
        gripper.set_target(GripperTarget(width=0.05))
        wait_until(lambda: gripper.read_state().motion is GripperMotion.AT_TARGET)
        virtual.unplug()
        wait_until(gripper.faults)
        assert ids(gripper) == ["gripper_lost"]
        assert virtual.port in gripper.faults()[0].text
        with pytest.raises(DeviceUnavailableError):
            gripper.read_state()
        gripper.set_target(GripperTarget(width=0.01))
        gripper.activate()
        before = len(writes(virtual))
        virtual.plug()
        wait_until(lambda: not gripper.faults())
        seen = gripper.read_state()
        wait_until(lambda: gripper.read_state().time_ns > seen.time_ns + 30_000_000)
        assert len(writes(virtual)) == before
        assert seen.width == seen.target_width == pytest.approx(0.05, abs=0.0004)
        gripper.set_target(GripperTarget(width=0.05))
        wait_until(lambda: len(writes(virtual)) == before + 1)
        gripper.set_target(GripperTarget(width=0.04))
        wait_until(lambda: abs(gripper.read_state().width - 0.04) < 0.0004)


def test_a_gripper_that_lost_its_power_is_not_activated_by_the_next_target(virtual, gripper):
    virtual.unplug()
    wait_until(gripper.faults)
    virtual.firmware.switch_off_and_on()
    virtual.plug()
    wait_until(lambda: ids(gripper) == ["gripper_not_activated"])
    before = len(writes(virtual))
    gripper.set_target(GripperTarget(width=0.01))
    seen = gripper.read_state().time_ns
    wait_until(lambda: gripper.read_state().time_ns > seen + 20_000_000)
    assert len(writes(virtual)) == before


@pytest.mark.parametrize("trouble", ["is_silent", "is_garbled"])
def test_trouble_on_the_wire_becomes_a_fault_and_ends_with_it(virtual, gripper, trouble):
    setattr(virtual, trouble, True)
    wait_until(gripper.faults)
    assert ids(gripper) == ["gripper_lost"]
    setattr(virtual, trouble, False)
    wait_until(lambda: not gripper.faults())
    assert gripper.read_state().motion is GripperMotion.AT_TARGET


def test_a_gripper_whose_first_answers_are_lost_is_there(virtual, connect):
    virtual.lost_answers = 2
    gripper = connect(virtual.port)
    assert ids(gripper) == ["gripper_not_activated"]
    gripper.close()
    virtual.lost_answers = CONNECT_ATTEMPTS
    with pytest.raises(DeviceConnectError, match="no answer from slave 9"):
        connect(virtual.port, timeout_s=0.05)


def test_a_wrong_slave_id_gets_no_answer(virtual, connect):
    with pytest.raises(DeviceConnectError) as caught:
        connect(virtual.port, slave_id=8)
    text = f"no answer from slave 8 on {virtual.port} at 115200 baud; check the 24 V supply, the wiring, and the keys"
    assert str(caught.value).startswith(text)


def test_noise_is_told_from_silence_at_the_start(virtual, connect):
    virtual.is_garbled = True
    with pytest.raises(DeviceConnectError, match=r"no usable answer from slave 9 .*its check is wrong"):
        connect(virtual.port)


def test_a_second_daemon_cannot_take_the_port(virtual, gripper, connect):
    with pytest.raises(DeviceConnectError, match="is in use by another program"):
        connect(virtual.port)


def test_stamps_are_the_cells_clock_and_grow(gripper):
    first = gripper.read_state().time_ns
    assert abs(time.monotonic_ns() - first) < 1_000_000_000
    wait_until(lambda: gripper.read_state().time_ns > first)


def test_the_larger_model_has_its_own_facts(virtual, connect):
    info = connect(virtual.port, model="2f-140").info
    assert (info.model, info.max_width, info.max_speed, info.max_force) == ("robotiq-2f-140", 0.14, 0.25, 125.0)


def test_a_cells_file_builds_it(virtual):
    driver = DriverConfig(driver="robotiq", options={"port": virtual.port})
    cell = build_cell(DaemonConfig(arm=DriverConfig(driver="fake"), gripper=driver))
    assert isinstance(cell.gripper, RobotiqGripper)
    assert cell.gripper.info.max_width == TWO_FINGER_85.stroke
    cell.gripper.close()
    cell.arm.close()
