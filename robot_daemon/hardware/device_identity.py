"""Says which device the options of a driver mean, in a form that is the same however it is written."""

import socket
from pathlib import Path
from typing import Any

_HOSTS = ("host", "address", "ip")
"""Options that hold a network address."""
_LINES = ("port", "device", "path")
"""Options that hold a serial line, a device of the kernel, or a URL."""


def device_identity(options: Any) -> str | None:  # noqa: ANN401 - each driver has its own dataclass.
    """Finds what names the device among a driver's options: a serial number, a network address, or a line.

    Names of hosts become addresses, and links below /dev/serial/by-id what they lead to, so that one device has one
    identity.

    Args:
        options: The options dataclass of a driver.

    Returns:
        Such as "172.16.0.2" or "/dev/ttyUSB0"; None where the options name nothing that only one program may use.
    """
    serial = getattr(options, "serial", None)
    if serial:
        return str(serial)
    host = next((str(value) for name in _HOSTS if (value := getattr(options, name, None))), None)
    if host is not None:
        port = getattr(options, "port", None)
        return _address(host) if port is None else f"{_address(host)}:{port}"
    line = next((str(value) for name in _LINES if (value := getattr(options, name, None))), None)
    return None if line is None else _line(line)


def _address(host: str) -> str:
    try:
        return socket.gethostbyname(host)
    except (OSError, UnicodeError):  # Unknown, or written as nobody could: the driver says so itself.
        return host


def _line(text: str) -> str | None:
    """Returns a device's own path; None for a plain file, which many may read, and for another program's socket."""
    if "://" in text:
        return text
    path = Path(f"/dev/video{text}") if text.isdecimal() else Path(text)
    if path.is_file() or path.is_socket():
        return None
    return str(path.resolve())
