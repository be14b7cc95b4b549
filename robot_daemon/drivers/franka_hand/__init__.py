"""Drives the Franka Hand through franky.

`commander` owns the connection: one thread issues the hand's blocking commands, one reads its states. `gripper` is what
the daemon sees.
"""

from robot_daemon.drivers.franka_hand.gripper import FrankaHand
from robot_daemon.drivers.franka_hand.options import FrankaHandOptions
from robot_daemon.hardware.devices import Gripper, Timebase

__all__ = ["FrankaHand", "FrankaHandOptions", "build_gripper"]


def build_gripper(_name: str, timebase: Timebase, options: FrankaHandOptions) -> Gripper:
    """Builds the gripper of a cell's file."""
    return FrankaHand(options, timebase)
