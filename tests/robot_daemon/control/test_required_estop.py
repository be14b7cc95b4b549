"""A cell that moves only while an e-stop endpoint is armed."""

import pytest

from robot_daemon.config.cell_config import LimitsConfig
from robot_daemon.control.daemon import DaemonCore
from robot_daemon.drivers.fake.cell import build_fake_cell
from serl_api.enums import Pacing
from serl_api.errors.robot import ModeError


@pytest.fixture
def core():
    made = DaemonCore(build_fake_cell(pacing=Pacing.LOCKSTEP).cell, LimitsConfig(requires_estop=True))
    yield made
    made.close()


def claim(core):
    return core.claim("ada", "here", core.default_compliance)


def test_no_session_opens_without_one(core):
    with pytest.raises(ModeError, match="start `serl-robot estop`"):
        claim(core)
    core.arm_estop("key")
    claim(core)


def test_the_session_ends_with_the_last_one_that_leaves_and_nothing_latches(core):
    first, second = core.arm_estop("key"), core.arm_estop("tablet")
    session = claim(core)
    core.disarm_estop(first)
    session.require_open()
    core.disarm_estop(second)
    with pytest.raises(ModeError, match="only while an e-stop endpoint is armed"):
        session.require_open()
    assert core.stopped is None
    core.arm_estop("key")
    claim(core)
