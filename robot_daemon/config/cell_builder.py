"""Builds the cell that a file describes: finds the plug-in of each driver and gives it its options."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from robot_daemon.config.cell_config import DaemonConfig, DriverConfig
from robot_daemon.hardware.device_identity import device_identity
from robot_daemon.hardware.device_lock import DeviceLock
from robot_daemon.hardware.devices import Arm, Camera, Cell, DeviceConnectError, Gripper, Scene, Timebase
from robot_daemon.hardware.driver import Driver
from robot_daemon.hardware.timebase import RealTimebase
from serl_api.plugins import Plugin, PluginError, find_plugin
from serl_api.settings import ConfigError, to_dataclass

DRIVER_GROUPS: Mapping[str, str] = {
    "serl.arms": "arms",
    "serl.grippers": "grippers",
    "serl.cameras": "cameras",
    "serl.trackers": "trackers",
}
"""Heading of each group of entry points that holds drivers."""

_KINDS: Mapping[str, tuple[str, type]] = {
    "arm": ("serl.arms", Arm),
    "gripper": ("serl.grippers", Gripper),
    "cameras": ("serl.cameras", Camera),
    "tracker": ("serl.trackers", Scene),
}
"""Group and protocol of the devices, by the first part of their key in a cell's file."""
_SHARED = "tracker"
"""The kind of device that several programs may read at once."""


class CellBuilder:
    """Connects to the devices of a cell. What answered once is kept, so that only what is missing is tried again.

    Args:
        config: The cell's file.
    """

    def __init__(self, config: DaemonConfig) -> None:
        self._config = config
        self._timebase = RealTimebase()
        self._devices: dict[str, Any] = {}
        self._locks = contextlib.ExitStack()

    def connect(self, on_device: Callable[[str], None] = lambda where: None) -> dict[str, str]:
        """Tries every device that is missing.

        Args:
            on_device: Told the key of each device's table before it is connected.

        Returns:
            What is wrong with those that cannot be reached, by the keys of their tables; each with the way out.

        Raises:
            ConfigError: A driver that is unknown or cannot be used, a missing library, or wrong options.
        """
        missing: dict[str, str] = {}
        for where, device in self._config.devices().items():
            if where in self._devices:
                continue
            on_device(where)
            try:
                with contextlib.ExitStack() as claimed:
                    claimed.enter_context(claim_device(device, where, self._config.owner))
                    self._devices[where] = build_device(device, where, self._timebase)
                    self._locks.push(claimed.pop_all())
            except DeviceConnectError as error:
                missing[where] = str(error)
        return missing

    def cell(self) -> Cell:
        """Returns the cell, once no device is missing; it closes its devices from now on."""
        devices, self._devices = self._devices, {}
        locks = self._locks.pop_all()
        tracker = devices.get("tracker")
        driver, _ = find_driver(self._config.arm, "arm")
        return Cell(
            name=self._config.name,
            backend=driver.backend,
            timebase=self._timebase,
            arm=devices["arm"],
            gripper=devices.get("gripper"),
            cameras={name: devices[f"cameras.{name}"] for name in self._config.cameras},
            scene=tracker,
            close=lambda: _close_shared(tracker, locks),
        )

    def close(self) -> None:
        """Closes the devices that answered, if no cell was made of them."""
        while self._devices:
            _, device = self._devices.popitem()
            device.close()
        self._locks.close()


def _close_shared(tracker: Any, locks: contextlib.ExitStack) -> None:  # noqa: ANN401 - a Scene with a close, or None.
    if tracker is not None:
        tracker.close()
    locks.close()


@contextlib.contextmanager
def claim_device(config: DriverConfig, where: str, owner: str) -> Iterator[None]:
    """Owns the device that a table names, so that no other process does; one that can be shared is not claimed.

    Args:
        config: Its table in the cell's file.
        where: Key of that table, such as "arm" or "cameras.wrist".
        owner: What a refusal of another process says of this one.

    Raises:
        ConfigError: See `device_options`.
        DeviceHeldError: Another process owns it; one sentence with that process, its cell's file and the device.
    """
    kind = where.partition(".")[0]
    identity = None if kind == _SHARED else device_identity(device_options(config, where))
    with (
        contextlib.nullcontext()
        if identity is None
        else contextlib.closing(DeviceLock(kind.removesuffix("s"), identity, owner))
    ):
        yield


def build_cell(config: DaemonConfig) -> Cell:
    """Connects to every device of a cell.

    Raises:
        ConfigError: A driver that is unknown or cannot be used, a missing library, or wrong options.
        DeviceConnectError: A device cannot be reached; one sentence with the way out.
    """
    builder = CellBuilder(config)
    with contextlib.closing(builder):  # A device that cannot be reached must not leave the others claimed.
        missing = builder.connect()
        if missing:
            raise DeviceConnectError("; ".join(missing.values()))
        return builder.cell()


def build_device(config: DriverConfig, where: str, timebase: Timebase) -> Any:  # noqa: ANN401 - an Arm, a Gripper, ...
    """Connects to one device.

    Args:
        config: Its table in the cell's file.
        where: Key of that table, such as "arm" or "cameras.wrist".
        timebase: Clock of the cell.

    Raises:
        ConfigError: A driver that is unknown or cannot be used, a missing library, or wrong options.
        DeviceConnectError: It cannot be reached; one sentence with the way out.
    """
    options = device_options(config, where)
    driver, plugin = find_driver(config, where)
    device = driver.build(where.rpartition(".")[2], timebase, options)
    _, kind = _KINDS[where.partition(".")[0]]
    missing = [name for name in vars(kind) if not name.startswith("_") and not hasattr(device, name)]
    if missing:
        problem = f"built a {type(device).__name__}, which lacks {', '.join(missing)}"
        raise ConfigError(f"{where}.driver: {plugin.error(problem, f'let it implement {kind.__name__}')}")
    return device


def device_options(config: DriverConfig, where: str) -> Any:  # noqa: ANN401 - each driver has its own.
    """Fills the driver's options dataclass from a device's table. Connects to nothing.

    Raises:
        ConfigError: A driver that is unknown or cannot be used, a missing library (with the command that installs
            it), or a wrong option.
    """
    driver, plugin = find_driver(config, where)
    try:
        options = driver.options_type()
    except TypeError as error:
        raise ConfigError(f"{where}.driver: {plugin.error(str(error), 'correct its signature')}") from None
    return to_dataclass(options, config.options, where)


def find_driver(config: DriverConfig, where: str) -> tuple[Driver, Plugin]:
    """Imports the driver that a device's table names, and says which plug-in it is.

    Raises:
        ConfigError: It is unknown (with the nearest known one) or cannot be used, or a library is missing.
    """
    group, _ = _KINDS[where.partition(".")[0]]
    try:
        plugin = find_plugin(group, config.driver)
        return _load(plugin, where), plugin
    except PluginError as error:
        raise ConfigError(f"{where}.driver: {error}") from None


def _load(plugin: Plugin, where: str) -> Driver:
    try:
        found = plugin.load(object)
    except PluginError as error:
        if plugin.package == "serl-robot" and isinstance(error.__cause__, ImportError):
            text = f'{where}.driver = "{plugin.name}" needs a library that does not load ({error.__cause__})'
            raise ConfigError(f"{text}; install it with: pip install 'serl-robot[robot]'") from None
        raise
    if isinstance(found, Driver):
        return found
    if callable(found):
        return Driver(build=found)
    problem = f"is a {type(found).__name__}, but must be a build function or a {Driver.__module__}.Driver"
    raise plugin.error(problem, "correct its entry point")
