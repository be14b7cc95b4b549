"""A virtual gripper that activates at once, and the driver on it."""

from dataclasses import replace

import pytest

from robot_daemon.drivers.robotiq import RobotiqGripper, RobotiqOptions
from robot_daemon.hardware.timebase import RealTimebase
from simulator.virtual.robotiq import TWO_FINGER_85, VirtualRobotiq
from tests.support.waiting import wait_until

QUICK = replace(TWO_FINGER_85, activation_s=0.04, max_speed=2.0, min_speed=1.0)


@pytest.fixture
def quick():
    return QUICK


@pytest.fixture
def virtual(quick):
    with VirtualRobotiq(ratings=quick) as served:
        yield served


@pytest.fixture
def connect():
    grippers = []

    def build(port, **options):
        options = {"poll_rate_hz": 200.0, "timeout_s": 0.3} | options
        grippers.append(RobotiqGripper(RobotiqOptions(port=port, **options), RealTimebase()))
        return grippers[-1]

    yield build
    for gripper in grippers:
        gripper.close()


@pytest.fixture
def gripper(virtual, connect):
    """Activated and open."""
    built = connect(virtual.port, activate=True)
    wait_until(lambda: built.read_state().motion.name == "AT_TARGET")
    return built
