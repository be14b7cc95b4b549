"""Drives Robotiq 2F-85 and 2F-140 over Modbus RTU, on a serial port or through a TCP adapter.

`line` opens the port, `modbus` speaks over it, `registers` and `scale` give its bytes a meaning, `poller` is the one
thread that uses it, `gripper` is what the daemon sees.
"""

from robot_daemon.drivers.robotiq.gripper import RobotiqGripper
from robot_daemon.drivers.robotiq.options import RobotiqOptions
from robot_daemon.hardware.devices import Gripper, Timebase

__all__ = ["RobotiqGripper", "RobotiqOptions", "build_gripper"]


def build_gripper(_name: str, timebase: Timebase, options: RobotiqOptions) -> Gripper:
    """Builds the gripper of a cell's file."""
    return RobotiqGripper(options, timebase)
