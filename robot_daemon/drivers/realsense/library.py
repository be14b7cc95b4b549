"""Loads pyrealsense2. Its wheel leaves libusb-1.0 to the system; where that has none, another wheel's copy is used."""

import ctypes
import importlib
import threading
from typing import Any

_NO_LIBUSB = "libusb-1.0.so.0"


def load() -> Any:  # noqa: ANN401 - a module.
    """The module `pyrealsense2`.

    Raises:
        ImportError: It is not installed, or there is no libusb; with the command that helps.
    """
    try:
        return importlib.import_module("pyrealsense2")
    except ImportError as error:
        if _NO_LIBUSB not in str(error):
            raise
    try:
        path = importlib.import_module("libusb_package").get_library_path()
        ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
        return importlib.import_module("pyrealsense2")
    except (ImportError, OSError) as error:
        raise ImportError(
            f"no {_NO_LIBUSB}: apt install libusb-1.0-0, or pip install libusb-package ({error})"
        ) from None


rs: Any = load()
_context: Any = None
opening = threading.Lock()
"""Held while a device is searched or opened: several cameras share one process."""


def context() -> Any:  # noqa: ANN401 - of pyrealsense2.
    """The one context of the process. Call with `opening` held."""
    global _context
    if _context is None:
        _context = rs.context()
    return _context
