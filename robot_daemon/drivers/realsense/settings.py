"""Sets exposure, gain, white balance and clocks of a RealSense sensor."""

import logging
from typing import Any

from robot_daemon.drivers.realsense.library import rs
from robot_daemon.drivers.realsense.options import RealsenseOptions
from robot_daemon.hardware.devices import DeviceConnectError

logger = logging.getLogger(__name__)

STEREO_EXPOSURE_S = 1e-6
COLOUR_EXPOSURE_S = 1e-4
"""Unit of the option `exposure`: the stereo module counts microseconds, a separate colour sensor UVC's 100 us."""

_POWER_LINES = {0: 0, 50: 1, 60: 2}
"""Value of the option `power_line_frequency`, which UVC counts so."""


def apply_settings(colour: Any, sensors: list[Any], options: RealsenseOptions) -> None:  # noqa: ANN401
    """Sets up the sensors of a camera that has just been opened.

    Args:
        colour: The sensor (of pyrealsense2) that gives the colour stream.
        sensors: All sensors of the camera.
        options: What the cell's file says.

    Raises:
        DeviceConnectError: The camera has no such setting, or not this value; with its bounds.
    """
    for sensor in sensors:
        if sensor.supports(rs.option.global_time_enabled):
            sensor.set_option(rs.option.global_time_enabled, 1)
        if options.sync_mode is not None and sensor.supports(rs.option.inter_cam_sync_mode):
            _set(sensor, rs.option.inter_cam_sync_mode, "sync_mode", options.sync_mode)
        if sensor.supports(rs.option.auto_exposure_priority):  # It lowers the frame rate in the dark.
            sensor.set_option(rs.option.auto_exposure_priority, 0)
    automatic = options.exposure_s is None
    if automatic:
        logger.warning(
            "a RealSense has automatic exposure, which changes pictures and their timing with the scene: a policy that "
            "learns from them needs a fixed one; give exposure_s, such as 0.01"
        )
    if colour.supports(rs.option.enable_auto_exposure):
        colour.set_option(rs.option.enable_auto_exposure, float(automatic))
    if options.exposure_s is not None:
        unit_s = STEREO_EXPOSURE_S if colour.is_depth_sensor() else COLOUR_EXPOSURE_S
        _set(colour, rs.option.exposure, "exposure_s", options.exposure_s, unit_s)
    if options.gain is not None:
        _set(colour, rs.option.gain, "gain", options.gain)
    if colour.supports(rs.option.enable_auto_white_balance):
        colour.set_option(rs.option.enable_auto_white_balance, float(options.white_balance_k is None))
    if options.white_balance_k is not None:
        _set(colour, rs.option.white_balance, "white_balance_k", options.white_balance_k)

    if options.power_line_hz is not None:
        _set(colour, rs.option.power_line_frequency, "power_line_hz", _POWER_LINES[options.power_line_hz])


def _set(sensor: Any, option: Any, name: str, value: float, unit: float = 1.0) -> None:  # noqa: ANN401
    if not sensor.supports(option):
        raise DeviceConnectError(f"{name} is {value:g}, but this camera cannot be set so; leave it out")
    bounds = sensor.get_option_range(option)
    count = round(value / unit / bounds.step) * bounds.step if bounds.step > 0.0 else value / unit
    if not bounds.min <= count <= bounds.max:
        lower, upper = bounds.min * unit, bounds.max * unit
        raise DeviceConnectError(f"{name} is {value:g}; this camera takes {lower:g} to {upper:g}")
    sensor.set_option(option, count)
