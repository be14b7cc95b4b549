"""Emulates a Robotiq gripper: a Modbus RTU server by pymodbus over a model of its firmware and fingers."""

from simulator.virtual.fingers import FingerState, FingerTarget, RigidFingers
from simulator.virtual.robotiq.firmware import TWO_FINGER_85, TWO_FINGER_140, Firmware, Ratings
from simulator.virtual.robotiq.server import VirtualRobotiq

__all__ = [
    "TWO_FINGER_85",
    "TWO_FINGER_140",
    "FingerState",
    "FingerTarget",
    "Firmware",
    "Ratings",
    "RigidFingers",
    "VirtualRobotiq",
]
