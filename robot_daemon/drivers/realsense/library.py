"""Loads pyrealsense2. Its wheel leaves libusb-1.0 to the system; where that has none, another wheel's copy is used."""

import atexit
import ctypes
import gc
import importlib
import threading
import time
from contextlib import suppress
from typing import Any

_NO_LIBUSB = "libusb-1.0.so.0"


def load() -> Any:  # noqa: ANN401 - a module.
    """Imports the module `pyrealsense2`.

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
    """Returns the one context of the process. Call with `opening` held."""
    global _context
    _free_rested()
    if _context is None:
        _context = rs.context()
    return _context


def stop(pipeline: Any, device: Any) -> None:  # noqa: ANN401
    """Stops a pipeline and lets go of the device that it streamed from."""
    with suppress(RuntimeError):  # It has stopped by itself, with a camera that was unplugged.
        if device.is_playback():
            device.as_playback().pause()
        pipeline.stop()
    if device.is_playback():
        free_later(device)


REST_S = 0.5
"""How long a playback that has ended is kept."""
_resting: list[tuple[float, Any]] = []
_changing_resting = threading.Lock()


def free_later(playback: Any) -> None:  # noqa: ANN401
    """Keeps a paused playback for a while.

    Its reading thread may still be at work when `pipeline.stop` has returned. If it is freed at once, librealsense 2.59
    calls a method of what is gone and ends the process ("pure virtual method called"): in 7 of 1472 attempts on a busy
    machine, in none of 2000 when it was paused before, or freed later.
    """
    with _changing_resting:
        _resting.append((time.monotonic(), playback))
    _free_rested()


def _free_rested() -> None:
    now_s = time.monotonic()
    with _changing_resting:
        _resting[:] = [(ended_s, kept) for ended_s, kept in _resting if now_s - ended_s < REST_S]


@atexit.register
def _free_all() -> None:
    """Ends the library's threads before the process ends beneath them."""
    global _context
    if _resting:
        time.sleep(max(0.0, REST_S - (time.monotonic() - _resting[-1][0])))
    _resting.clear()
    _context = None
    gc.collect()
