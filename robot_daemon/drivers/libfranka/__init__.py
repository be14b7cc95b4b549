"""Franka arms through franky and libfranka: `driver = "franka"` in a cell's file."""

from robot_daemon.devices import Arm, Timebase
from robot_daemon.drivers.libfranka.arm import FrankaArm
from robot_daemon.drivers.libfranka.options import FrankaOptions

__all__ = ["FrankaArm", "FrankaOptions", "build_arm"]


def build_arm(_name: str, timebase: Timebase, options: FrankaOptions) -> Arm:
    """Connects to the arm of a cell's file; nothing moves.

    Raises:
        DeviceConnectError: It cannot be reached or controlled; one sentence with the way out.
    """
    return FrankaArm(options, timebase)
