"""Reads RealSense cameras of the D400 family, plugged in or recorded, through pyrealsense2.

`device` opens a camera and `recording` a file, `stream` turns framesets into frames, `stamps` says when they were
exposed, on the clock that `clock` follows, `presence` and `settings` say clearly what does not fit.
"""

from collections.abc import Callable

from robot_daemon.drivers.capture.capture import CapturedCamera, Stream
from robot_daemon.drivers.realsense.device import open_device, present_cameras
from robot_daemon.drivers.realsense.options import RealsenseOptions
from robot_daemon.drivers.realsense.presence import PresentCamera
from robot_daemon.drivers.realsense.recording import open_recording
from robot_daemon.hardware.devices import Camera, DeviceConnectError, Timebase
from serl_api.settings import ConfigError

__all__ = ["PresentCamera", "RealsenseOptions", "build_camera", "present_cameras"]


def build_camera(name: str, timebase: Timebase, options: RealsenseOptions) -> Camera:
    """Builds a camera of a cell's file. Raises DeviceConnectError with the camera's name in front."""
    return CapturedCamera(_opener(name, timebase.now_ns, options), timebase.now_ns)


def _opener(name: str, now_ns: Callable[[], int], options: RealsenseOptions) -> Callable[[], Stream]:
    def open_stream() -> Stream:
        try:
            if options.recording is not None:
                return open_recording(name, options.recording, options, now_ns)
            return open_device(name, options, now_ns)
        except (DeviceConnectError, ConfigError) as error:
            raise DeviceConnectError(f"camera {name}: {error}") from None

    return open_stream
