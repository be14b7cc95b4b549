"""Emulates a Robotiq gripper: a Modbus RTU server by pymodbus over a model of its firmware and fingers."""

from simulator.virtual.robotiq.firmware import TWO_FINGER_85
from simulator.virtual.robotiq.server import VirtualRobotiq

__all__ = ["TWO_FINGER_85", "VirtualRobotiq"]
