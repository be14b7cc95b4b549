"""The plug-in over daemons in this process; its classes are LeRobot's, or doubles where LeRobot is not installed."""

import pytest

from tests.support import lerobot_classes
from tests.support.daemons import serve

lerobot_classes.install()


@pytest.fixture
def daemon():
    """A lockstep daemon over fake devices, with cameras `front` and `wrist`."""
    running = serve()
    yield running
    running.stop()


@pytest.fixture
def make_robot(daemon):
    """Makes robots of that daemon, or of another address; they are disconnected at the end."""
    from lerobot_robot_serl import SerlRobotConfig

    made = []

    def make(**options):
        made.append(lerobot_classes.make_device(SerlRobotConfig(**{"address": daemon.address} | options)))
        return made[-1]

    yield make
    for robot in made:
        if robot.is_connected:
            robot.disconnect()
