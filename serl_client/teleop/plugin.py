"""Defines the plug-in of a teleoperation device, which a package offers under `serl.teleop`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from serl_client.teleop.devices.axis_map import AxisMap
from serl_client.teleop.devices.device import TeleopDevice
from serl_client.teleop.devices.keys import PressedKeys

GROUP = "serl.teleop"
"""Entry-point group of `TeleopPlugin`."""


@dataclass(frozen=True, kw_only=True)
class TeleopPlugin:
    """Opens a kind of device."""

    open: Callable[[str | None, PressedKeys, Callable[[AxisMap], AxisMap]], TeleopDevice]
    """Called with the device's path, or None for the only one; with the keys that a person presses; and with what gives
    an axis map the person's settings. Raises DeviceUnavailableError where there is none."""
    reads_keys: bool = False
    """Whether it is the keys themselves, so that a terminal is needed and no path."""
