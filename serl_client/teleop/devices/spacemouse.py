"""Reads a 3Dconnexion SpaceMouse over HID: finds it, parses its reports, explains why it cannot be opened.

Reports (observed by the pyspacemouse and spacenavd projects; there is no public datasheet): byte 0 is the report's
number, then little-endian 16-bit values of about -350 to 350. Number 1 holds x, y, z, and on newer devices rx, ry, rz
after them; on older ones number 2 holds rx, ry, rz. Number 3 is a bit mask of buttons. Others, such as 0x17 with the
battery's charge, are not read.
Axes follow the HID usage tables: x to the right, y towards the person, z down, rotations by the right-hand rule.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from serl_api.errors.robot import DeviceUnavailableError
from serl_client.teleop.devices.axis_map import AxisMap
from serl_client.teleop.devices.controls import Controls
from serl_client.teleop.devices.report_device import ButtonRoles, ReportDevice
from serl_client.teleop.devices.report_reader import ReportReader, ReportSource
from serl_client.teleop.plugin import TeleopPlugin

AT_REST = Controls(axes=(0,) * 6)
"""State of a SpaceMouse that nobody touches."""

AXES = AxisMap(sources=(1, 0, 2, 4, 3, 5), signs=(-1,) * 6, full_scale=350.0)
"""From the device's axes (right, towards the person, down) to the person's (away, left, up)."""

BUTTONS = ButtonRoles(closes=0, opens=1, names={0: "left", 1: "right"})
"""As SERL: the left button closes the gripper, the right one opens it."""

SILENCE_S = 0.2
"""A moved cap reports 60 to 125 times a second; after so long without a report it counts as let go."""

UDEV_RULES = """\
KERNEL=="hidraw*", ATTRS{idVendor}=="256f", MODE="0660", GROUP="plugdev", TAG+="uaccess"
KERNEL=="hidraw*", ATTRS{idVendor}=="046d", ATTRS{idProduct}=="c625|c626|c627|c628|c629|c62b", MODE="0660", \
GROUP="plugdev", TAG+="uaccess"
KERNEL=="hidraw*", KERNELS=="*:256F:*", MODE="0660", GROUP="plugdev", TAG+="uaccess"
"""
"""For /etc/udev/rules.d/60-spacemouse.rules; then `udevadm control --reload; udevadm trigger`, and plug it in again."""

_TRANSLATION, _ROTATION, _BUTTONS = 0x01, 0x02, 0x03
_LOGITECH, _3DCONNEXION = 0x046D, 0x256F
_LOGITECH_PRODUCTS = frozenset((0xC625, 0xC626, 0xC627, 0xC628, 0xC629, 0xC62B))
_GENERIC_DESKTOP, _MULTI_AXIS = 0x01, 0x08


class HidModule(Protocol):
    """Defines the part of hidapi that is used."""

    def enumerate(self) -> Sequence[Mapping[str, Any]]:
        """Lists HID devices, each with "path", "vendor_id", "product_id", "product_string", "usage_page", "usage"."""
        ...

    def open(self, path: str) -> ReportSource:
        """Opens a device.

        Raises:
            OSError: It is not there, or may not be opened.
        """
        ...


@dataclass(frozen=True)
class SpaceMouseInfo:
    """Describes a SpaceMouse that is plugged in."""

    path: str
    """Such as "/dev/hidraw3"."""
    product: str
    """Such as "SpaceMouse Compact"."""

    def __str__(self) -> str:
        return f"{self.product} at {self.path}"


def parse_report(controls: Controls, report: bytes) -> Controls:
    """Returns the state after a report; the same state for a report that is unknown or cut short.

    Args:
        controls: State before: 6 axes.
        report: Its bytes, the number first.
    """
    kind, body = report[0] if report else 0, report[1:]
    if kind == _TRANSLATION and len(body) >= 12:
        return controls.with_axes(0, struct.unpack_from("<6h", body))
    if kind == _TRANSLATION and len(body) >= 6:
        return controls.with_axes(0, struct.unpack_from("<3h", body))
    if kind == _ROTATION and len(body) >= 6:
        return controls.with_axes(3, struct.unpack_from("<3h", body))
    if kind == _BUTTONS and body:
        mask = int.from_bytes(body, "little")
        return controls.with_held(frozenset(bit for bit in range(mask.bit_length()) if mask >> bit & 1))
    return controls


def list_spacemice(hid: HidModule | None = None) -> list[SpaceMouseInfo]:
    """Lists every SpaceMouse that is plugged in, each once.

    Raises:
        DeviceUnavailableError: hidapi is not installed.
    """
    found = {}
    for entry in (hid or installed_hid()).enumerate():
        if _is_spacemouse(entry):
            path = entry["path"]
            text = path.decode() if isinstance(path, bytes) else str(path)
            found.setdefault(text, SpaceMouseInfo(text, entry.get("product_string") or "SpaceMouse"))
    return list(found.values())


def open_spacemouse(
    path: str | None = None,
    *,
    axes: AxisMap = AXES,
    buttons: ButtonRoles = BUTTONS,
    hid: HidModule | None = None,
    clock: Callable[[], float] = time.monotonic,
    retry_s: float = 0.5,
) -> ReportDevice:
    """Opens a SpaceMouse, and again whenever it was unplugged.

    Args:
        path: Which one, from `list_spacemice`, or a link that udev made; None for the only one.
        axes: Direction, dead zone, scale.
        buttons: What its buttons do.
        hid: hidapi, or something like it; None for the installed one.
        clock: Seconds, monotonic.
        retry_s: Time between two attempts to open one that was unplugged, s.

    Raises:
        DeviceUnavailableError: There is none, there are several and none was named, or it may not be opened.
    """
    module = hid or installed_hid()
    chosen = _choose(path, module)

    def open_source() -> ReportSource:
        # Plugged in again it may have another path, unless the person named one.
        wanted = path or _choose(None, module).path
        try:
            return module.open(wanted)
        except OSError as error:
            raise DeviceUnavailableError(_cannot_open(wanted, error)) from None

    reader = ReportReader(open_source, parse_report, AT_REST, name=str(chosen), clock=clock, retry_s=retry_s)
    return ReportDevice(reader, axes, buttons, silence_s=SILENCE_S, clock=clock)


def installed_hid() -> HidModule:
    """Loads the hidapi library over hidraw, which sees Bluetooth too and leaves the device to other programs as well.

    Raises:
        DeviceUnavailableError: It is not installed.
    """
    try:
        import hidraw
    except ImportError:
        try:
            import hid as hidraw  # A build with one backend only.
        except ImportError as error:
            raise DeviceUnavailableError(
                f"a SpaceMouse needs hidapi: pip install 'serl-robot[teleop]' ({error})"
            ) from None
    return _Hidapi(hidraw)


class _Hidapi:
    """Puts hidapi behind `HidModule`."""

    def __init__(self, module: Any) -> None:  # noqa: ANN401 - hidapi has no types.
        self._module = module

    def enumerate(self) -> Sequence[Mapping[str, Any]]:
        return self._module.enumerate()

    def open(self, path: str) -> ReportSource:
        device = self._module.device()
        device.open_path(path.encode())
        return device


def _is_spacemouse(entry: Mapping[str, Any]) -> bool:
    vendor, product = entry["vendor_id"], entry["product_id"]
    if vendor != _3DCONNEXION and not (vendor == _LOGITECH and product in _LOGITECH_PRODUCTS):
        return False
    usage = (entry.get("usage_page", 0), entry.get("usage", 0))
    # A receiver has other interfaces besides; not every system tells the usage.
    return usage in ((_GENERIC_DESKTOP, _MULTI_AXIS), (0, 0))


def _choose(path: str | None, hid: HidModule) -> SpaceMouseInfo:
    found = list_spacemice(hid)
    if path is not None:
        return next((info for info in found if info.path == path), SpaceMouseInfo(path, "SpaceMouse"))
    if not found:
        raise DeviceUnavailableError(
            "no SpaceMouse is plugged in; plug one in, or drive with the keyboard or a gamepad instead"
        )
    if len(found) > 1:
        raise DeviceUnavailableError(
            f"{len(found)} SpaceMice are plugged in: {', '.join(map(str, found))}; name one by its path"
        )
    return found[0]


def _cannot_open(path: str, error: OSError) -> str:
    return (
        f"cannot open the SpaceMouse at {path} ({error}): if it is plugged in, permission is missing; put this into "
        f"/etc/udev/rules.d/60-spacemouse.rules and plug it in again:\n{UDEV_RULES}"
    )


SPACEMOUSE = TeleopPlugin(open=lambda path, keys, apply: open_spacemouse(path, axes=apply(AXES)))
