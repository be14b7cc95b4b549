"""Finds the RealSense camera that is meant, and checks whether its USB line carries what is asked of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from robot_daemon.drivers.realsense.options import RealsenseOptions
from robot_daemon.hardware.devices import DeviceConnectError

USB2_BYTES_PER_S = 35e6
"""What USB 2 carries in practice, of its 60 MB/s."""
_BYTES_PER_PIXEL = 2
"""Of YUYV colour and of 16-bit depth alike, as the camera sends them."""


@dataclass(frozen=True)
class PresentCamera:
    """Describes a camera that is plugged in."""

    serial: str
    model: str
    usb: str
    """Version of the line, such as "3.2" or "2.1"; empty when unknown."""

    def __str__(self) -> str:
        line = f", USB {self.usb}" if self.usb else ""
        return f"{self.serial} ({self.model}{line})"


def choose(present: Sequence[PresentCamera], serial: str | None) -> PresentCamera:
    """Chooses the camera that is meant.

    Raises:
        DeviceConnectError: None is there, or not this one, or the choice is open; with the list of those present.
    """
    if not present:
        wanted = f"RealSense {serial}" if serial else "RealSense"
        raise DeviceConnectError(
            f"no {wanted} is plugged in; check cable and port, and that the udev rules are installed"
        )
    listed = ", ".join(str(camera) for camera in present)
    if serial is None:
        if len(present) > 1:
            raise DeviceConnectError(f"{len(present)} RealSense cameras are plugged in; give serial, one of: {listed}")
        return present[0]
    for camera in present:
        if camera.serial == serial:
            return camera
    raise DeviceConnectError(f"no RealSense has serial {serial}; plugged in: {listed}")


def bytes_per_s(options: RealsenseOptions) -> float:
    """Computes what the streams of a camera need of its USB line, bytes/s."""
    streams = 2 if options.depth else 1
    return float(options.width * options.height * _BYTES_PER_PIXEL * options.rate_hz * streams)


def require_bandwidth(camera: PresentCamera, options: RealsenseOptions) -> None:
    """Checks the USB line of a camera against its streams.

    Raises:
        DeviceConnectError: A USB 2 line that cannot carry them; with what would help.
    """
    needed = bytes_per_s(options)
    if camera.usb.startswith("2") and needed > USB2_BYTES_PER_S:
        raise DeviceConnectError(
            f"RealSense {camera.serial} is on USB {camera.usb}, which carries about {USB2_BYTES_PER_S / 1e6:.0f} MB/s; "
            f"{_streams(options)} need {needed / 1e6:.0f} MB/s; use a USB 3 port and cable, or lower rate_hz or size"
        )


def unresolved(camera: PresentCamera, options: RealsenseOptions, offered: Sequence[str]) -> DeviceConnectError:
    """Makes the error for streams that a camera does not offer."""
    line = ""
    if camera.usb.startswith("2"):
        line = f" on USB {camera.usb}, where it offers less than on USB 3"
    listed = ", ".join(offered) or "none of colour"
    return DeviceConnectError(
        f"RealSense {camera.serial} does not offer {_streams(options)}{line}; "
        f"choose width, height and rate_hz from: {listed}"
    )


def _streams(options: RealsenseOptions) -> str:
    kinds = "colour and depth" if options.depth else "colour"
    return f"{kinds} of {options.width} x {options.height} px at {options.rate_hz} Hz"
