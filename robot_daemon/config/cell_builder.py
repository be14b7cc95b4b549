"""Builds the cell that a file describes: finds each driver by name and gives it its options."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from robot_daemon.config.cell_config import ConfigError, DaemonConfig, DriverConfig
from robot_daemon.config.toml_file import nearest, to_dataclass
from robot_daemon.hardware.devices import Backend, Cell, Timebase
from robot_daemon.hardware.timebase import RealTimebase


@dataclass(frozen=True)
class Driver:
    """Where a driver lives. Its module is imported when a cell asks for it, so a robot PC needs only its own libraries.

    `options` names the dataclass that the device's table fills, `build` the function that is called with the device's
    name, the cell's clock and those options. It raises DeviceConnectError when the device cannot be reached.
    """

    module: str
    options: str
    build: str
    backend: Backend = Backend.REAL


_DRIVERS = "robot_daemon.drivers"
ARM_DRIVERS: Mapping[str, Driver] = {
    "fake": Driver(f"{_DRIVERS}.fake", "FakeArmOptions", "build_arm", Backend.FAKE),
    "franka": Driver(f"{_DRIVERS}.franka", "FrankaOptions", "build_arm"),
}
GRIPPER_DRIVERS: Mapping[str, Driver] = {
    "fake": Driver(f"{_DRIVERS}.fake", "FakeGripperOptions", "build_gripper", Backend.FAKE),
    "franka-hand": Driver(f"{_DRIVERS}.franka_hand", "FrankaHandOptions", "build_gripper"),
    "robotiq": Driver(f"{_DRIVERS}.robotiq", "RobotiqOptions", "build_gripper"),
}
CAMERA_DRIVERS: Mapping[str, Driver] = {
    "fake": Driver(f"{_DRIVERS}.fake", "FakeCameraOptions", "build_camera", Backend.FAKE),
    "realsense": Driver(f"{_DRIVERS}.realsense", "RealsenseOptions", "build_camera"),
    "webcam": Driver(f"{_DRIVERS}.webcam", "WebcamOptions", "build_camera"),
}
TRACKER_DRIVERS: Mapping[str, Driver] = {"socket": Driver(f"{_DRIVERS}.tracker", "TrackerOptions", "build_tracker")}


def build_cell(config: DaemonConfig) -> Cell:
    """Connects to every device of a cell.

    Raises:
        ConfigError: An unknown driver (with the nearest known one), a missing library, or wrong options.
        DeviceConnectError: A device cannot be reached; one sentence with the way out.
    """
    timebase = RealTimebase()
    arm_driver = _find(ARM_DRIVERS, config.arm, "arm")
    with ExitStack() as built:  # A device that cannot be reached must not leave the others claimed.
        arm = build_device(ARM_DRIVERS, config.arm, "arm", timebase)
        built.callback(arm.close)
        gripper = None
        if config.gripper is not None:
            gripper = build_device(GRIPPER_DRIVERS, config.gripper, "gripper", timebase)
            built.callback(gripper.close)
        cameras = {}
        for name, camera in config.cameras.items():
            cameras[name] = build_device(CAMERA_DRIVERS, camera, f"cameras.{name}", timebase)
            built.callback(cameras[name].close)
        tracker = None
        if config.tracker is not None:
            tracker = build_device(TRACKER_DRIVERS, config.tracker, "tracker", timebase)
        built.pop_all()
    return Cell(
        name=config.name,
        backend=arm_driver.backend,
        timebase=timebase,
        arm=arm,
        gripper=gripper,
        cameras=cameras,
        scene=tracker,
        close=lambda: None if tracker is None else tracker.close(),
    )


def _find(drivers: Mapping[str, Driver], config: DriverConfig, where: str) -> Driver:
    driver = drivers.get(config.driver)
    if driver is None:
        raise ConfigError(f'{where}.driver is "{config.driver}"; {nearest(config.driver, list(drivers))}')
    return driver


def device_options(drivers: Mapping[str, Driver], config: DriverConfig, where: str) -> Any:  # noqa: ANN401 - each driver has its own.
    """The driver's options dataclass, filled from a device's table. Connects to nothing.

    Raises:
        ConfigError: An unknown driver, a missing library (with the command that installs it), or a wrong option.
    """
    driver = _find(drivers, config, where)
    return to_dataclass(getattr(_import(driver, config, where), driver.options), config.options, where)


def build_device(drivers: Mapping[str, Driver], config: DriverConfig, where: str, timebase: Timebase) -> Any:  # noqa: ANN401
    """Connects to one device.

    Raises:
        ConfigError: An unknown driver, a missing library, or wrong options.
        DeviceConnectError: It cannot be reached; one sentence with the way out.
    """
    options = device_options(drivers, config, where)
    driver = _find(drivers, config, where)
    build = getattr(_import(driver, config, where), driver.build)
    return build(where.rpartition(".")[2], timebase, options)


def _import(driver: Driver, config: DriverConfig, where: str) -> ModuleType:
    try:
        return import_module(driver.module)
    except ImportError as error:
        text = f'{where}.driver = "{config.driver}" needs a library that does not load ({error})'
        raise ConfigError(f"{text}; install it with: pip install 'serl-robot[robot]'") from None
