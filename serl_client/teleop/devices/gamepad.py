"""Reads a gamepad over the kernel's input events, by the library evdev.

Axes are scaled by the ranges that the pad tells, and named by what they are: the drivers of Xbox (xpad) and PlayStation
(playstation) pads use the same codes. A pad that is cabled and unplugged is gone at once. One on Bluetooth that is out
of reach, or whose battery is empty, keeps its last values for seconds, so that it counts as let go once it is silent.
"""

from __future__ import annotations

import select
import struct
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from serl_api.errors.robot import DeviceUnavailableError
from serl_client.teleop.devices.axis_map import AxisMap
from serl_client.teleop.devices.controls import Controls
from serl_client.teleop.devices.report_device import ButtonRoles, ReportDevice
from serl_client.teleop.devices.report_reader import ReportReader, ReportSource
from serl_client.teleop.plugin import TeleopPlugin

FULL_SCALE = 32767
_AXIS_CODES = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 16: 6, 17: 7}
"""Code of the kernel's ABS_X, Y, Z, RX, RY, RZ, HAT0X and HAT0Y to index of the axis."""
_BUTTON_CODES = {0x130: 0, 0x131: 1, 0x134: 2, 0x133: 3, 0x136: 4, 0x137: 5}
"""Code of the kernel's BTN_SOUTH, EAST, WEST, NORTH, TL and TR to number of the button."""
_TRIGGERS = {2: 6, 5: 7}
"""Index of an axis that is a trigger to the button that it is beyond its middle."""
_GAMEPAD = 0x130  # BTN_GAMEPAD: what every gamepad has, and no joystick or keyboard.
_KEY, _ABSOLUTE, _SYNCHRONIZE, _DROPPED = 1, 3, 0, 3
_BLUETOOTH = 5
BLUETOOTH_SILENCE_S = 1.0
"""After so long without an event a pad on Bluetooth counts as let go. Sticks that are held tremble and report."""

AT_REST = Controls(axes=(0,) * 8)
"""State of a gamepad that nobody touches."""

AXES = AxisMap(sources=(1, 0, 4, 6, 7, 3), signs=(-1, -1, -1, 1, -1, -1), full_scale=float(FULL_SCALE), dead_zone=0.15)
"""Left stick: away and left. Right stick: up, and turning about the vertical. Cross: the other two rotations."""

_NAMES = ("south", "east", "west", "north", "left shoulder", "right shoulder", "left trigger", "right trigger")
BUTTONS = ButtonRoles(closes=5, opens=4, names=dict(enumerate(_NAMES)))
"""The right shoulder button closes the gripper, the left one opens it."""

_EVENT = struct.Struct("<HHi")


class InputPad(Protocol):
    """Defines the part of evdev's `InputDevice` that is used."""

    fd: int
    name: str
    info: Any

    def capabilities(self) -> Mapping[int, Sequence[Any]]:
        """Returns the codes of each kind of event."""
        ...

    def absinfo(self, axis_num: int) -> Any:  # noqa: ANN401 - a tuple with `value`, `min` and `max`.
        """Returns value and range of an axis."""
        ...

    def active_keys(self) -> Sequence[int]:
        """Returns the buttons that are down."""
        ...

    def read(self) -> Iterable[Any]:
        """Returns the waiting events, with `type`, `code` and `value`. Raises OSError once the pad is gone."""
        ...

    def close(self) -> None:
        """Closes it."""
        ...


class InputModule(Protocol):
    """Defines the part of evdev that is used."""

    def list_devices(self) -> Sequence[str]:
        """Returns the paths of all devices that may be read."""
        ...

    def InputDevice(self, path: str) -> InputPad:  # noqa: N802 - evdev's name.
        """Opens a device. Raises OSError."""
        ...


def parse_events(controls: Controls, data: bytes) -> Controls:
    """Returns the state after some events; an event that is cut short, or of an unknown control, changes nothing.

    Args:
        controls: State before: 8 axes.
        data: Whole events, 8 bytes each: kind, code, and value, of axes scaled to `FULL_SCALE`.
    """
    for start in range(0, len(data) - _EVENT.size + 1, _EVENT.size):
        kind, code, value = _EVENT.unpack_from(data, start)
        if kind == _ABSOLUTE and code in _AXIS_CODES:
            axis = _AXIS_CODES[code]
            controls = controls.with_axes(axis, (value,))
            if axis in _TRIGGERS:
                controls = _press(controls, _TRIGGERS[axis], is_down=value > 0)
        elif kind == _KEY and code in _BUTTON_CODES:
            controls = _press(controls, _BUTTON_CODES[code], is_down=bool(value))
    return controls


def _press(controls: Controls, button: int, *, is_down: bool) -> Controls:
    return controls.with_held(controls.held | {button} if is_down else controls.held - {button})


def list_gamepads(evdev: InputModule | None = None) -> list[str]:
    """Lists the paths of all gamepads that may be read, sorted.

    Raises:
        DeviceUnavailableError: evdev is not installed.
    """
    module = evdev or installed_evdev()
    return sorted(path for path in module.list_devices() if _is_gamepad(module, path))


class EventSource:
    """Reads an open gamepad.

    Args:
        pad: The open device.
    """

    def __init__(self, pad: InputPad) -> None:
        self._pad = pad
        axes = {code for code, _ in pad.capabilities().get(_ABSOLUTE, ())}
        self._ranges = {code: pad.absinfo(code) for code in axes & _AXIS_CODES.keys()}
        self._waiting = self._present_state()

    @property
    def is_wireless(self) -> bool:
        """Returns whether it is on Bluetooth."""
        return self._pad.info.bustype == _BLUETOOTH

    def read(self, max_bytes: int, timeout_ms: int) -> Sequence[int]:
        """Returns the waiting events; empty when none came in time. The first ones tell the present state."""
        if not self._waiting and select.select([self._pad.fd], [], [], timeout_ms / 1000.0)[0]:
            for event in self._pad.read():
                self._take(event)
        size = max_bytes // _EVENT.size * _EVENT.size
        report, self._waiting = self._waiting[:size], self._waiting[size:]
        return report

    def close(self) -> None:
        """Closes it."""
        self._pad.close()

    def _take(self, event: Any) -> None:  # noqa: ANN401 - evdev's.
        if event.type == _SYNCHRONIZE and event.code == _DROPPED:  # The kernel lost events: only the state tells.
            self._waiting += self._present_state()
        elif event.type == _ABSOLUTE and event.code in self._ranges:
            self._waiting += self._axis(event.code, event.value)
        elif event.type == _KEY and event.code in _BUTTON_CODES:
            self._waiting += _EVENT.pack(_KEY, event.code, event.value)

    def _present_state(self) -> bytes:
        down = self._pad.active_keys()
        axes = [self._axis(code, self._pad.absinfo(code).value) for code in self._ranges]
        return b"".join([*axes, *(_EVENT.pack(_KEY, code, code in down) for code in _BUTTON_CODES)])

    def _axis(self, code: int, value: int) -> bytes:
        """Scales a value from the axis' range to one about 0; the ranges of pads differ."""
        lowest, highest = self._ranges[code].min, self._ranges[code].max
        share = (2 * value - lowest - highest) / max(highest - lowest, 1)
        return _EVENT.pack(_ABSOLUTE, code, round(FULL_SCALE * min(max(share, -1.0), 1.0)))


def open_gamepad(
    path: str | None = None,
    *,
    axes: AxisMap = AXES,
    buttons: ButtonRoles = BUTTONS,
    evdev: InputModule | None = None,
    clock: Callable[[], float] = time.monotonic,
    retry_s: float = 0.5,
) -> ReportDevice:
    """Opens a gamepad, and again whenever it was unplugged.

    Args:
        path: Which one, such as /dev/input/event7 or a link below /dev/input/by-id; None for the first.
        axes: Direction, dead zone, scale.
        buttons: What its buttons do.
        evdev: The library, or something like it; None for the installed one.
        clock: Seconds, monotonic.
        retry_s: Time between two attempts to open one that was unplugged, s.

    Raises:
        DeviceUnavailableError: There is none, or it may not be opened.
    """
    module = evdev or installed_evdev()
    chosen = path or _first(module)
    first = _open(chosen, module)
    opened = [first]  # Given to the reader, which then opens others.

    def open_source() -> ReportSource:
        return opened.pop() if opened else _open(path or _first(module), module)

    reader = ReportReader(open_source, parse_events, AT_REST, name=f"gamepad at {chosen}", clock=clock, retry_s=retry_s)
    silence_s = BLUETOOTH_SILENCE_S if first.is_wireless else None
    return ReportDevice(reader, axes, buttons, silence_s=silence_s, silences_buttons=True, clock=clock)


def installed_evdev() -> Any:  # noqa: ANN401 - evdev has no types.
    """Loads the library evdev.

    Raises:
        DeviceUnavailableError: It is not installed.
    """
    try:
        import evdev
    except ImportError as error:
        text = f"a gamepad needs Linux and evdev: pip install 'serl-robot[teleop]' ({error})"
        raise DeviceUnavailableError(text) from None
    return evdev


def _open(path: str, module: InputModule) -> EventSource:
    try:
        return EventSource(module.InputDevice(path))
    except OSError as error:
        raise DeviceUnavailableError(_cannot_open(path, error)) from None


def _is_gamepad(module: InputModule, path: str) -> bool:
    try:
        pad = module.InputDevice(path)
    except OSError:  # Gone since it was listed.
        return False
    try:
        return _GAMEPAD in pad.capabilities().get(_KEY, ())
    finally:
        pad.close()


def _first(module: InputModule) -> str:
    found = list_gamepads(module)
    if not found:
        raise DeviceUnavailableError(
            "no gamepad is plugged in that may be read; plug one in, add yourself to the group input (`usermod -aG "
            "input $USER`), or drive with the keyboard or a SpaceMouse instead"
        )
    return found[0]


def _cannot_open(path: str, error: OSError) -> str:
    if isinstance(error, PermissionError):
        return f"may not read the gamepad at {path}: add yourself to the group input (`usermod -aG input $USER`)"
    return f"cannot open the gamepad at {path}: {error.strerror or error}"


GAMEPAD = TeleopPlugin(open=lambda path, keys, apply: open_gamepad(path, axes=apply(AXES)))
