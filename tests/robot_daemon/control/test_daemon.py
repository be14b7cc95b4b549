import numpy as np
import pytest

from robot_daemon.config.cell_config import LimitsConfig
from robot_daemon.control.daemon import DaemonCore
from robot_daemon.drivers.fake.cell import build_fake_cell
from serl_api.enums import ArmMode, Pacing
from serl_api.errors.robot import (
    ControlHeldError,
    DeviceUnavailableError,
    DrainingError,
    FaultError,
    NotFoundError,
    StopLatchedError,
)
from serl_api.values import FullCompliance
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real_time


@pytest.fixture
def fake():
    return build_fake_cell(pacing=Pacing.LOCKSTEP)


@pytest.fixture
def core(fake):
    daemon = DaemonCore(fake.cell, LimitsConfig())
    yield daemon
    daemon.close()


def claim(core, name="ada"):
    return core.claim(name, "peer", FullCompliance())


def test_a_release_frees_the_claim_and_holds(fake, core):
    session = claim(core)
    holds = fake.arm.hold_count
    core.release(session)
    core.release(session)
    assert fake.arm.hold_count == holds + 1
    assert core.mode is ArmMode.IDLE


def test_an_old_release_does_not_touch_a_new_session(fake, core):
    old = claim(core)
    core.stop("guard", "")
    core.clear_stop()
    new = claim(core, "bob")
    holds = fake.arm.hold_count
    core.release(old)
    assert core.session is new
    assert fake.arm.hold_count == holds


def test_contact_above_the_bound_is_a_fault_until_the_contact_ends():
    fake = build_fake_cell(cameras=())
    core = DaemonCore(fake.cell, LimitsConfig())
    try:
        session = claim(core)
        fake.arm.external_wrench = np.array([0.0, 0.0, 41.0, 0.0, 0.0, 0.0])
        wait_until(lambda: core.mode is ArmMode.FAULTED)
        with pytest.raises(FaultError, match=r"contact_force.*41\.0 N, above the bound of 40 N"):
            session.require_open()
        assert [fault.id for fault in core.recover(())[1]] == ["contact_force"]
        fake.arm.external_wrench = np.zeros(6)
        wait_until(lambda: [fault.id for fault in core.recover(())[0]] == ["contact_force"])
        assert core.mode is ArmMode.IDLE
    finally:
        core.close()


def test_contact_in_lockstep_can_be_recovered_though_time_stands_still(fake, core):
    session = claim(core)
    fake.arm.external_wrench = np.array([0.0, 0.0, 41.0, 0.0, 0.0, 0.0])
    core.watch(fake.arm.read_state())
    with pytest.raises(FaultError):
        session.require_open()
    assert [fault.id for fault in core.recover(())[0]] == ["contact_force"]
    assert core.mode is ArmMode.IDLE
    core.watch(fake.arm.read_state())
    assert core.mode is ArmMode.FAULTED


def test_a_fault_that_cannot_be_cleared_remains(fake, core):
    fake.arm.inject_fault("user_stop", clearable=False)
    cleared, remaining = core.recover(())
    assert (cleared, [fault.id for fault in remaining]) == ((), ["user_stop"])
    with pytest.raises(FaultError, match="user_stop"):
        claim(core)


def test_the_history_keeps_the_last_hundred_faults_newest_first(fake, core):
    for number in range(105):
        fake.arm.inject_fault(f"reflex_{number}")
        core.recover(())
    cleared = [fault.id for fault in core.active_cell.faults.cleared]
    assert cleared == [f"reflex_{number}" for number in range(104, 4, -1)]


def test_stop_holds_an_arm_that_nobody_controls(fake, core):
    holds = fake.arm.hold_count
    core.stop("guard", "")
    assert fake.arm.hold_count == holds + 1
    assert core.mode is ArmMode.STOPPED


def test_the_first_stop_is_remembered(core):
    core.stop("guard", "smoke")
    core.stop("other", "")
    with pytest.raises(StopLatchedError, match='"guard" stopped the arm: smoke'):
        claim(core)


def test_a_silent_arm_leaves_its_last_state(fake, core):
    state, answers = core.arm_state()
    core.active_cell.sensors.forget(())
    fake.arm.set_connected(connected=False)
    assert (core.arm_state(), answers) == ((state, False), True)


def test_an_arm_that_never_answered_is_unavailable(fake, core):
    fake.arm.set_connected(connected=False)
    with pytest.raises(DeviceUnavailableError, match="has not answered yet"):
        core.arm_state()


def test_an_unknown_camera_is_refused_with_the_list(core):
    with pytest.raises(NotFoundError, match="front, wrist"):
        core.frame("elbow")


def test_a_cell_is_not_replaced_under_a_session(core):
    claim(core)
    with pytest.raises(ControlHeldError, match="ada"):
        core.replace_cell(build_fake_cell().cell)


def test_replacing_a_cell_closes_the_former_and_changes_the_pacing(fake, core):
    assert core.active_cell.command_timeout_ns == 0
    core.replace_cell(build_fake_cell(pacing=Pacing.REAL_TIME).cell)
    assert (fake.arm.is_closed, fake.gripper.is_closed) == (True, True)
    assert core.active_cell.command_timeout_ns == 500_000_000
    assert claim(core).number == 1


def test_draining_ends_the_session_and_refuses_new_ones(core):
    session = claim(core)
    core.drain()
    with pytest.raises(DrainingError):
        session.require_open()
    with pytest.raises(DrainingError):
        claim(core)


def test_closing_closes_every_device(fake):
    DaemonCore(fake.cell, LimitsConfig()).close()
    assert all(device.is_closed for device in (fake.arm, fake.gripper, *fake.cameras.values()))


class TestHand:
    def test_guiding_while_nobody_controls_ends_by_letting_go(self, fake, core):
        fake.arm.take_by_hand()
        core.active_cell.faults.refresh()
        assert core.mode is ArmMode.GUIDED
        with pytest.raises(FaultError, match=r"^a hand is on the arm \(guiding\): .*let it go$"):
            claim(core)
        led = np.full(7, 0.1)
        fake.arm.lead_to(led)
        fake.arm.let_go()
        core.active_cell.faults.refresh()
        assert core.mode is ArmMode.IDLE
        claim(core)
        assert fake.arm.read_state().joint_positions == pytest.approx(led)

    def test_a_hand_on_a_controlled_arm_ends_the_session_until_somebody_recovers(self, fake, core):
        session = claim(core)
        fake.arm.take_by_hand()
        core.watch(fake.arm.read_state())
        assert core.mode is ArmMode.GUIDED
        with pytest.raises(FaultError, match="guided_under_control"):
            session.require_open()
        assert "guided_under_control" in [fault.id for fault in core.recover(())[1]]
        fake.arm.let_go()
        core.active_cell.faults.refresh()
        assert core.mode is ArmMode.FAULTED
        with pytest.raises(FaultError, match='"ada" controlled it'):
            claim(core, "bob")
        assert [fault.id for fault in core.recover(())[0]] == ["guided_under_control"]
        claim(core, "bob")

    def test_a_guided_arm_can_be_stopped_too(self, fake, core):
        fake.arm.take_by_hand()
        core.stop("guard", "")
        core.active_cell.faults.refresh()
        assert core.mode is ArmMode.GUIDED
        fake.arm.let_go()
        core.active_cell.faults.refresh()
        assert core.mode is ArmMode.STOPPED
