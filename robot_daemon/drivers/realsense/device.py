"""Opens a RealSense that is plugged in, and notices when it no longer is."""

import time
from collections.abc import Callable
from typing import Any

from robot_daemon.drivers.capture.capture import StreamLostError
from robot_daemon.drivers.realsense.library import context, opening, rs, stop
from robot_daemon.drivers.realsense.options import RealsenseOptions
from robot_daemon.drivers.realsense.presence import PresentCamera, choose, require_bandwidth, unresolved
from robot_daemon.drivers.realsense.settings import apply_settings
from robot_daemon.drivers.realsense.stream import RealsenseStream, fact
from robot_daemon.hardware.devices import DeviceConnectError
from serl_api.settings import ConfigError

CHECK_AFTER_S = 0.5
"""Silence after which it is asked whether the camera is still there."""
REOPEN_AFTER_S = 5.0
"""Silence of a camera that is there, after which it is opened anew."""


def present_cameras() -> list[PresentCamera]:
    """Lists the RealSense cameras that are plugged in."""
    with opening:
        return _present()


def open_device(name: str, options: RealsenseOptions, now_ns: Callable[[], int]) -> RealsenseStream:
    """Opens the camera that the options mean.

    Raises:
        DeviceConnectError: It is not there, another program holds it, or it does not offer what is asked.
    """
    with opening:
        camera = choose(_present(), options.serial)
        require_bandwidth(camera, options)
        config = rs.config()
        config.enable_device(camera.serial)
        config.enable_stream(rs.stream.color, options.width, options.height, rs.format.rgb8, options.rate_hz)
        if options.depth:
            config.enable_stream(rs.stream.depth, options.width, options.height, rs.format.z16, options.rate_hz)
        pipeline = rs.pipeline(context())
        if not config.can_resolve(rs.pipeline_wrapper(pipeline)):
            raise unresolved(camera, options, _offered(camera))
        try:
            profile = pipeline.start(config)
        except RuntimeError as error:
            text = f"RealSense {camera.serial} does not start ({error})"
            raise DeviceConnectError(f"{text}; close other programs that use it, or plug it in anew") from None
        try:
            sensors = list(profile.get_device().query_sensors())
            apply_settings(_colour_sensor(sensors), sensors, options)
            return RealsenseStream(
                name, pipeline, profile, options, now_ns, _live_wall(now_ns), _Silence(camera.serial)
            )
        except (DeviceConnectError, ConfigError):
            stop(pipeline, profile.get_device())
            raise
        except RuntimeError as error:
            stop(pipeline, profile.get_device())
            raise DeviceConnectError(f"RealSense {camera.serial} cannot be set up ({error}); plug it in anew") from None


def _live_wall(now_ns: Callable[[], int]) -> Callable[[int, int | None], int]:
    """Returns what reads the wall clock minus the cell's: a step of the wall clock shows at once.

    Of three readings the one that was interrupted least counts.
    """

    def read() -> tuple[int, int]:
        before_ns = now_ns()
        wall_ns = time.time_ns()
        after_ns = now_ns()
        return after_ns - before_ns, wall_ns - (before_ns + after_ns) // 2

    return lambda _receive_ns, _arrival_ms: min(read() for _ in range(3))[1]


class _Silence:
    """Finds out why no frame comes."""

    def __init__(self, serial: str) -> None:
        self._serial = serial
        self._check_after_s = CHECK_AFTER_S

    def __call__(self, silent_s: float) -> None:
        if silent_s < CHECK_AFTER_S:
            self._check_after_s = CHECK_AFTER_S
        if silent_s < self._check_after_s:
            return
        self._check_after_s += CHECK_AFTER_S
        if self._serial not in {camera.serial for camera in present_cameras()}:
            raise StreamLostError(f"RealSense {self._serial} was unplugged")
        if silent_s >= REOPEN_AFTER_S:
            raise StreamLostError(f"RealSense {self._serial} was silent for {silent_s:.0f} s and is opened anew")


def _present() -> list[PresentCamera]:
    return [
        PresentCamera(
            serial=fact(device, rs.camera_info.serial_number),
            model=fact(device, rs.camera_info.name),
            usb=fact(device, rs.camera_info.usb_type_descriptor),
        )
        for device in context().query_devices()
    ]


def _colour_sensor(sensors: list[Any]) -> Any:  # noqa: ANN401
    """Finds the sensor with the colour stream; the stereo module itself in a D405."""
    for sensor in sensors:
        if any(profile.stream_type() == rs.stream.color for profile in sensor.get_stream_profiles()):
            return sensor
    raise DeviceConnectError("this RealSense has no colour stream; use a model with colour")


def _offered(camera: PresentCamera) -> list[str]:
    """Lists sizes and rates of colour that a camera offers, such as "640 x 480 at 30"."""
    for device in context().query_devices():
        if fact(device, rs.camera_info.serial_number) == camera.serial:
            profiles = [profile for sensor in device.query_sensors() for profile in sensor.get_stream_profiles()]
            colour = [p.as_video_stream_profile() for p in profiles if p.stream_type() == rs.stream.color]
            sizes = {(p.width(), p.height(), p.fps()) for p in colour if p.format() == rs.format.rgb8}
            return [f"{width} x {height} at {rate}" for width, height, rate in sorted(sizes)]
    return []
