"""Implements the devices of `robot_daemon.hardware.devices` by MuJoCo."""

from simulator.devices.arm import MujocoArm
from simulator.devices.camera import MujocoCamera
from simulator.devices.gripper import MujocoGripper

__all__ = ["MujocoArm", "MujocoCamera", "MujocoGripper"]
