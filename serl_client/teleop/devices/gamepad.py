"""Reads a gamepad over the kernel's joystick interface (/dev/input/js*), without a library.

An event is 8 bytes (Documentation/input/joydev/joystick-api.rst of Linux): time in ms, signed 16-bit value, type,
number. The first events after opening tell the present state. Axes and buttons are numbered as by the drivers of Xbox
(xpad) and PlayStation (playstation) pads.
"""

from __future__ import annotations

import os
import select
import struct
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from serl_api.errors.robot import DeviceUnavailableError
from serl_client.teleop.devices.axis_map import AxisMap
from serl_client.teleop.devices.controls import Controls
from serl_client.teleop.devices.report_device import ButtonRoles, ReportDevice
from serl_client.teleop.devices.report_reader import ReportReader, ReportSource
from serl_client.teleop.plugin import TeleopPlugin

FOLDER = Path("/dev/input")
"""Where the kernel puts joysticks."""

_AXES = 8
AT_REST = Controls(axes=(0,) * _AXES)
"""State of a gamepad that nobody touches."""

AXES = AxisMap(sources=(1, 0, 4, 6, 7, 3), signs=(-1, -1, -1, 1, -1, -1), full_scale=32767.0, dead_zone=0.15)
"""Left stick: away and left. Right stick: up, and turning about the vertical. Cross: the other two rotations."""

BUTTONS = ButtonRoles(
    closes=5, opens=4, names={0: "south", 1: "east", 2: "west", 3: "north", 4: "left shoulder", 5: "right shoulder"}
)
"""The right shoulder button closes the gripper, the left one opens it."""

_EVENT = struct.Struct("<IhBB")
_IS_BUTTON, _IS_AXIS, _IS_INITIAL = 0x01, 0x02, 0x80


def parse_events(controls: Controls, data: bytes) -> Controls:
    """Returns the state after some events; an event that is cut short, or of an unknown axis, changes nothing.

    Args:
        controls: State before: 8 axes.
        data: Whole events, 8 bytes each.
    """
    for start in range(0, len(data) - _EVENT.size + 1, _EVENT.size):
        _, value, kind, number = _EVENT.unpack_from(data, start)
        kind &= ~_IS_INITIAL
        if kind == _IS_AXIS and number < _AXES:
            controls = controls.with_axes(number, (value,))
        elif kind == _IS_BUTTON:
            controls = controls.with_held(controls.held | {number} if value else controls.held - {number})
    return controls


def list_gamepads(folder: Path = FOLDER) -> list[str]:
    """Lists the paths of all gamepads, sorted."""
    return sorted(str(path) for path in folder.glob("js*"))


class JoystickFile:
    """Reads an open joystick device.

    Args:
        path: Such as "/dev/input/js0".

    Raises:
        OSError: It is not there, or may not be opened.
    """

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    def read(self, max_bytes: int, timeout_ms: int) -> Sequence[int]:
        """Returns the waiting events; empty when none came in time."""
        ready, _, _ = select.select([self._descriptor], [], [], timeout_ms / 1000.0)
        if not ready:
            return b""
        data = os.read(self._descriptor, max_bytes // _EVENT.size * _EVENT.size)
        if not data:
            raise OSError("end of file")
        return data

    def close(self) -> None:
        """Closes it."""
        os.close(self._descriptor)


def open_gamepad(
    path: str | None = None,
    *,
    axes: AxisMap = AXES,
    buttons: ButtonRoles = BUTTONS,
    folder: Path = FOLDER,
    clock: Callable[[], float] = time.monotonic,
    retry_s: float = 0.5,
) -> ReportDevice:
    """Opens a gamepad, and again whenever it was unplugged.

    Args:
        path: Which one; None for the first.
        axes: Direction, dead zone, scale.
        buttons: What its buttons do.
        folder: Where to look for one.
        clock: Seconds, monotonic.
        retry_s: Time between two attempts to open one that was unplugged, s.

    Raises:
        DeviceUnavailableError: There is none, or it may not be opened.
    """

    def open_source() -> ReportSource:
        wanted = path or _first(folder)
        try:
            return JoystickFile(wanted)
        except OSError as error:
            raise DeviceUnavailableError(_cannot_open(wanted, error)) from None

    name = f"gamepad at {path or _first(folder)}"
    reader = ReportReader(open_source, parse_events, AT_REST, name=name, clock=clock, retry_s=retry_s)
    return ReportDevice(reader, axes, buttons, silence_s=None, clock=clock)


def _first(folder: Path) -> str:
    found = list_gamepads(folder)
    if not found:
        raise DeviceUnavailableError(
            f"no gamepad is plugged in ({folder}/js* is empty); plug one in, load the kernel module joydev, or drive "
            "with the keyboard or a SpaceMouse instead"
        )
    return found[0]


def _cannot_open(path: str, error: OSError) -> str:
    if isinstance(error, PermissionError):
        return f"may not read the gamepad at {path}: add yourself to the group input (`usermod -aG input $USER`)"
    return f"cannot open the gamepad at {path}: {error.strerror}"


GAMEPAD = TeleopPlugin(open=lambda path, keys, apply: open_gamepad(path, axes=apply(AXES)))
