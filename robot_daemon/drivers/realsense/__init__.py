"""Reads RealSense cameras of the D400 family, plugged in or recorded, through pyrealsense2.

`device` opens a camera and `recording` a file, `stream` turns framesets into frames, `stamps` says when they were
exposed, on the clock that `clock` follows, `presence` and `settings` say clearly what does not fit.
"""

from robot_daemon.drivers.capture.capture import CapturedCamera, Stream
from robot_daemon.drivers.realsense.device import open_device, present_cameras
from robot_daemon.drivers.realsense.options import RealsenseOptions
from robot_daemon.drivers.realsense.presence import PresentCamera
from robot_daemon.drivers.realsense.recording import open_recording
from robot_daemon.hardware.devices import Camera, Timebase

__all__ = ["PresentCamera", "RealsenseOptions", "build_camera", "present_cameras"]


def build_camera(name: str, timebase: Timebase, options: RealsenseOptions) -> Camera:
    """Builds a camera of a cell's file. Raises DeviceConnectError with the camera's name in front."""

    def open_stream() -> Stream:
        if options.recording is not None:
            return open_recording(name, options.recording, options, timebase.now_ns)
        return open_device(name, options, timebase.now_ns)

    return CapturedCamera(name, open_stream, timebase.now_ns)
