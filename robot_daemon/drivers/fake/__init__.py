"""Implements fake devices with behaviour, for tests and for trying the tools without an arm."""

from robot_daemon.drivers.fake.cell import (
    ARM,
    FakeArmOptions,
    FakeCameraOptions,
    FakeGripperOptions,
    build_arm,
    build_camera,
    build_gripper,
)

__all__ = [
    "ARM",
    "FakeArmOptions",
    "FakeCameraOptions",
    "FakeGripperOptions",
    "build_arm",
    "build_camera",
    "build_gripper",
]
