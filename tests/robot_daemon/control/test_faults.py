"""Faults whose severity is the cell's own choice."""

import pytest

from robot_daemon.config.cell_config import LimitsConfig
from robot_daemon.control.daemon import DaemonCore
from robot_daemon.drivers.fake.cell import build_fake_cell
from robot_daemon.hardware.devices import DeviceFault
from serl_api.enums import ArmMode, FaultSeverity, FaultSource, Pacing
from serl_api.errors.robot import FaultError

LOST = DeviceFault(
    id="camera_lost.wrist",
    source=FaultSource.CAMERA,
    severity=FaultSeverity.WARNING,
    onset_time_ns=0,
    text="camera wrist delivers no frames",
)


@pytest.fixture
def core_of():
    made = []

    def make(*critical):
        fake = build_fake_cell(pacing=Pacing.LOCKSTEP)
        made.append(DaemonCore(fake.cell, LimitsConfig(critical_faults=critical)))
        return made[-1]

    yield make
    for core in made:
        core.close()


def test_a_lost_camera_is_a_warning_unless_the_cell_says_otherwise(core_of):
    core = core_of("camera_lost.front", "gripper")
    session = core.claim("ada", "here", core.default_compliance)
    core.active_cell.faults.raise_fault(LOST)
    session.require_open()
    core.active_cell.faults.clear_fault(LOST.id)
    assert core.active_cell.faults.active == ()


@pytest.mark.parametrize("name", ["camera_lost.wrist", "camera_lost"])
def test_in_a_cell_where_it_is_critical_it_ends_the_session_and_waits_for_recovery(core_of, name):
    core = core_of(name)
    session = core.claim("ada", "here", core.default_compliance)
    core.active_cell.faults.raise_fault(LOST)
    with pytest.raises(FaultError, match="camera wrist delivers no frames"):
        session.require_open()
    core.active_cell.faults.clear_fault(LOST.id)
    assert core.mode is ArmMode.FAULTED
    cleared, remaining = core.recover(())
    assert [fault.id for fault in cleared] == [LOST.id]
    assert remaining == ()
    core.claim("bob", "there", core.default_compliance)
