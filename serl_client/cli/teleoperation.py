"""Implements the subcommand that lists the devices a person can drive with, and tries one out."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import Annotated

import tyro

from serl_api.errors.robot import DeviceUnavailableError
from serl_client.cli.options import UsageError, say
from serl_client.teleop.devices.device import TeleopSample
from serl_client.teleop.devices.gamepad import list_gamepads
from serl_client.teleop.devices.spacemouse import UDEV_RULES, list_spacemice
from serl_client.teleop.opening import TeleopConfig, Teleoperation

_AXES = ("x", "y", "z", "rx", "ry", "rz")


@dataclass(frozen=True, kw_only=True)
class TeleopDevices:
    """List the devices a person can drive with; with --watch show what one of them says, until Ctrl-C."""

    watch: str | None = None
    """Device to try out: its numbers are in base axes, as an environment would take them."""
    rate_hz: float = 10.0
    """Samples a second, in (0, 100]."""
    count: int = 0
    """Samples to show before ending by itself; 0 is no end."""
    teleop: Annotated[TeleopConfig, tyro.conf.arg(name="")] = field(default_factory=TeleopConfig)
    """How a person drives."""

    def run(self) -> None:
        """Lists, or watches."""
        if not 0.0 < self.rate_hz <= 100.0:
            raise UsageError(f"--rate-hz is {self.rate_hz:g}; it must be in (0, 100]")
        if self.watch is None:
            for line in device_lines():
                say(line)
            return
        with Teleoperation(self.watch, self.teleop) as person:
            say(person.help)
            shown = 0
            while not self.count or shown < self.count:
                for device in person.devices:
                    say(sample_line(device.read(), device.fault))
                shown += 1
                time.sleep(1.0 / self.rate_hz)


def device_lines() -> list[str]:
    """Returns a line for each device, and what to do where one may not be opened."""
    lines: list[str] = []
    is_refused = False
    try:
        for mouse in list_spacemice():
            is_open = _may_open(mouse.path)
            is_refused |= not is_open
            lines.append(f"{mouse}" + ("" if is_open else ": no permission"))
    except DeviceUnavailableError as error:
        lines.append(str(error))
    try:
        lines += [f"gamepad at {path}" for path in list_gamepads()]
    except DeviceUnavailableError as error:
        lines.append(str(error))
    if not lines:
        lines.append("no SpaceMouse is plugged in, and no gamepad that may be read (join the group input)")
    if is_refused:
        lines.append(f"put this into /etc/udev/rules.d/60-spacemouse.rules and plug it in again:\n{UDEV_RULES}")
    return [*lines, "keyboard: always there, in a terminal"]


def sample_line(sample: TeleopSample, fault: str) -> str:
    """Describes a sample in one line."""
    if fault:
        return fault
    numbers = "  ".join(f"{name} {value:+.2f}" for name, value in zip(_AXES, sample.twist, strict=True))
    buttons = ", ".join(sorted(sample.buttons)) or "-"
    return f"{numbers}  gripper {sample.gripper:+.0f}  buttons {buttons}"


def _may_open(path: str) -> bool:
    # The libusb backend names devices by their place on the bus, which says nothing about permission.
    return not path.startswith("/") or os.access(path, os.R_OK | os.W_OK)
