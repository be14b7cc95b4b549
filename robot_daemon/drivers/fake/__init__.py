"""Implements fake devices with behaviour, for tests and for trying the tools without an arm."""

from robot_daemon.drivers.fake.cell import ARM, build_camera, build_gripper

__all__ = ["ARM", "build_camera", "build_gripper"]
