"""Builds the cell that a file describes: finds each driver by name and gives it its options."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from robot_daemon.config import ConfigError, DaemonConfig, DriverConfig, require
from robot_daemon.devices import Arm, Backend, Camera, Cell, Gripper, Timebase
from robot_daemon.drivers.fake import FakeArm, FakeCamera, FakeGripper
from robot_daemon.timebase import RealTimebase
from robot_daemon.toml_file import nearest, to_dataclass

D = TypeVar("D")


@dataclass(frozen=True, kw_only=True)
class FakeArmOptions:
    """The fake arm has no options."""


@dataclass(frozen=True, kw_only=True)
class FakeGripperOptions:
    """Options of the fake gripper."""

    max_width_m: float = 0.085
    """Stroke, m."""

    def __post_init__(self) -> None:
        require("max_width_m", self.max_width_m, 0.0, 1.0, above=True)


@dataclass(frozen=True, kw_only=True)
class FakeCameraOptions:
    """Options of a fake camera."""

    rate_hz: float = 30.0
    """Frames a second."""
    width: int = 128
    """px."""
    height: int = 128
    """px."""

    def __post_init__(self) -> None:
        require("rate_hz", self.rate_hz, 0.0, 1000.0, above=True)
        require("width", self.width, 1, 8192)
        require("height", self.height, 1, 8192)


def _fake_arm(_name: str, timebase: Timebase, _options: FakeArmOptions) -> Arm:
    return FakeArm(timebase)


def _fake_gripper(_name: str, timebase: Timebase, options: FakeGripperOptions) -> Gripper:
    return FakeGripper(timebase, options.max_width_m)


def _fake_camera(name: str, timebase: Timebase, options: FakeCameraOptions) -> Camera:
    return FakeCamera(name, timebase, rate_hz=options.rate_hz, width=options.width, height=options.height)


@dataclass(frozen=True)
class Driver(Generic[D]):
    """How a driver's devices are made."""

    options: type
    """Dataclass that the device's table fills."""
    build: Callable[..., D]
    """Called with the device's name, the cell's clock and the options."""
    backend: Backend = Backend.REAL


ARM_DRIVERS: Mapping[str, Driver[Arm]] = {"fake": Driver(FakeArmOptions, _fake_arm, Backend.FAKE)}
GRIPPER_DRIVERS: Mapping[str, Driver[Gripper]] = {"fake": Driver(FakeGripperOptions, _fake_gripper)}
CAMERA_DRIVERS: Mapping[str, Driver[Camera]] = {"fake": Driver(FakeCameraOptions, _fake_camera)}


def build_cell(config: DaemonConfig) -> Cell:
    """Connects to every device of a cell.

    Raises:
        ConfigError: An unknown driver (with the nearest known one), or wrong options.
    """
    timebase = RealTimebase()
    arm_driver = _find(ARM_DRIVERS, config.arm, "arm")
    gripper = None if config.gripper is None else _build(GRIPPER_DRIVERS, config.gripper, "gripper", timebase)
    cameras = {
        name: _build(CAMERA_DRIVERS, camera, f"cameras.{name}", timebase) for name, camera in config.cameras.items()
    }
    return Cell(
        name=config.name,
        backend=arm_driver.backend,
        timebase=timebase,
        arm=_build(ARM_DRIVERS, config.arm, "arm", timebase),
        gripper=gripper,
        cameras=cameras,
    )


def _find(drivers: Mapping[str, Driver[D]], config: DriverConfig, where: str) -> Driver[D]:
    driver = drivers.get(config.driver)
    if driver is None:
        raise ConfigError(f'{where}.driver is "{config.driver}"; {nearest(config.driver, list(drivers))}')
    return driver


def _build(drivers: Mapping[str, Driver[D]], config: DriverConfig, where: str, timebase: Timebase) -> D:
    driver = _find(drivers, config, where)
    options = to_dataclass(driver.options, config.options, where)
    return driver.build(where.rpartition(".")[2], timebase, options)
