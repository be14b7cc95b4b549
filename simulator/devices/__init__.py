"""The simulated devices: what `robot_daemon.hardware.devices` asks for, answered by MuJoCo."""

from simulator.devices.arm import MujocoArm
from simulator.devices.camera import MujocoCamera
from simulator.devices.gripper import MujocoGripper

__all__ = ["MujocoArm", "MujocoCamera", "MujocoGripper"]
