"""Writes frames to a file as `librealsense` records a camera: a software device, whose sensors are recorded."""

import gc
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_daemon.drivers.realsense.library import rs

DEPTH_SCALE_M = 0.001
_COUNTER_US = 1 << 32
_DOMAINS = {
    "global": rs.timestamp_domain.global_time,
    "hardware": rs.timestamp_domain.hardware_clock,
    "system": rs.timestamp_domain.system_time,
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Shot:
    """Holds one exposure."""

    number: int
    """Frame number; gaps are lost frames."""
    middle_s: float
    """Middle of the exposure, s since the first."""
    colour: NDArray[np.uint8]
    """(height, width, 3)."""
    depth: NDArray[np.uint16] | None = None
    """(height, width), mm."""


@dataclass(frozen=True, kw_only=True)
class VirtualCamera:
    """Describes the virtual camera."""

    serial: str = "900000000001"
    width: int = 640
    """px."""
    height: int = 480
    """px."""
    rate_hz: int = 30
    has_depth: bool = True
    domain: str = "global"
    """Clock of the frames' stamps: "global", "hardware" or "system"."""
    has_metadata: bool = True
    exposure_s: float = 0.008
    latency_s: float = 0.015
    """From the begin of the readout to arrival, s."""
    drift: float = 0.0
    """What its clock gains on the host's, s/s."""
    counter_us: int = 1_000_000
    """Its counter at the first readout."""
    epoch_s: float = 1_700_000_000.0
    """Wall clock of the first readout, s since 1970."""

    focal: float = 0.96
    """Focal length, in widths of the picture; 0.96 sees 55 degrees across."""


def record(
    path: Path, camera: VirtualCamera, shots: Iterable[Shot], *, pause: Callable[[float], object] = time.sleep
) -> int:
    """Records, at the pace of the shots: the file keeps when each frame was written, and is played so.

    Args:
        path: Ends in .db3, which is what librealsense 2.59 writes; replaced when it exists.
        camera: Its clock, exposure and transport.
        shots: In order of time.
        pause: Waits, s.

    Returns:
        The number of shots written.

    Raises:
        ValueError: Another ending, or a picture of another size than the camera's.
        OSError: The file cannot be written.
    """
    if path.suffix != ".db3":
        raise ValueError(f"{path} does not end in .db3, the only format that librealsense records")
    path.unlink(missing_ok=True)
    path.touch()
    path.unlink()
    device = SoftwareCamera(camera)
    recorder = rs.recorder(str(path), device.software)
    sensors = recorder.query_sensors()
    queue = rs.frame_queue(1)
    for sensor in sensors:
        sensor.open(sensor.get_stream_profiles())
        sensor.start(queue)
    count = 0
    begun_s = time.monotonic()
    try:
        for shot in shots:
            pause(max(0.0, begun_s + shot.middle_s - time.monotonic()))
            device.expose(shot)
            count += 1
    finally:
        for sensor in sensors:
            sensor.stop()
            sensor.close()
        sensor = None
        del recorder, sensors, device
        gc.collect()  # The file is complete only when the library's objects are gone.
    return count


class SoftwareCamera:
    """Holds a software device of librealsense: what is exposed goes the way of a real camera's frames."""

    def __init__(self, camera: VirtualCamera) -> None:
        self._camera = camera
        self.software = rs.software_device()
        self.software.register_info(rs.camera_info.serial_number, camera.serial)
        self.software.register_info(rs.camera_info.name, "Virtual D400")
        self.software.register_info(rs.camera_info.usb_type_descriptor, "3.2")
        self.colour = self.software.add_sensor("RGB Camera")
        """Sensor with the colour stream."""
        self.colour_profile = self.colour.add_video_stream(_stream(camera, rs.stream.color, rs.format.rgb8, 3))
        """The colour stream."""
        self._depth: Any = None
        if camera.has_depth:
            self._depth = self.software.add_sensor("Stereo Module")
            self._depth.add_read_only_option(rs.option.depth_units, DEPTH_SCALE_M)
            self._depth_profile = self._depth.add_video_stream(_stream(camera, rs.stream.depth, rs.format.z16, 2))
            same = rs.extrinsics()
            same.rotation = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
            same.translation = [0.0, 0.0, 0.0]
            self._depth_profile.register_extrinsics_to(self.colour_profile, same)
            self.colour_profile.register_extrinsics_to(self._depth_profile, same)

    def expose(self, shot: Shot) -> None:
        """Delivers one shot on every stream."""
        if shot.colour.shape != (self._camera.height, self._camera.width, 3):
            expected = f"{self._camera.width} x {self._camera.height}"
            raise ValueError(f"a shot has shape {shot.colour.shape}; the camera gives {expected} px in three colours")
        self._send(self.colour, self.colour_profile, shot, shot.colour, 3)
        if self._depth is not None and shot.depth is not None:
            self._send(self._depth, self._depth_profile, shot, shot.depth, 2)

    def _send(self, sensor: Any, profile: Any, shot: Shot, pixels: NDArray, pixel_bytes: int) -> None:  # noqa: ANN401
        camera = self._camera
        readout_s = shot.middle_s + camera.exposure_s / 2.0
        counter_us = camera.counter_us + round(readout_s * (1.0 + camera.drift) * 1e6)
        arrival_ms = (camera.epoch_s + readout_s + camera.latency_s) * 1e3
        frame = rs.software_video_frame()
        frame.pixels = np.ascontiguousarray(pixels)
        frame.stride = pixels.shape[1] * pixel_bytes
        frame.bpp = pixel_bytes
        frame.frame_number = shot.number
        frame.profile = profile.as_video_stream_profile()
        frame.domain = _DOMAINS[camera.domain]
        frame.timestamp = {
            "global": (camera.epoch_s + readout_s) * 1e3,
            "hardware": counter_us * 1e-3,
            "system": arrival_ms,
        }[camera.domain]
        if profile.stream_type() == rs.stream.depth:
            frame.depth_units = DEPTH_SCALE_M
        if camera.has_metadata:
            keys = rs.frame_metadata_value
            sensor.set_metadata(keys.frame_timestamp, counter_us % _COUNTER_US)
            middle_us = round(camera.exposure_s / 2.0 * (1.0 + camera.drift) * 1e6)
            sensor.set_metadata(keys.sensor_timestamp, (counter_us - middle_us) % _COUNTER_US)
            sensor.set_metadata(keys.actual_exposure, round(camera.exposure_s * 1e6))
            sensor.set_metadata(keys.time_of_arrival, round(arrival_ms))
        sensor.on_video_frame(frame)


def _stream(camera: VirtualCamera, kind: Any, pixel_format: Any, pixel_bytes: int) -> Any:  # noqa: ANN401
    lens = rs.intrinsics()
    lens.width, lens.height = camera.width, camera.height
    lens.ppx, lens.ppy = (camera.width - 1) / 2.0, (camera.height - 1) / 2.0
    lens.fx = lens.fy = camera.focal * camera.width
    lens.model = rs.distortion.none
    lens.coeffs = [0.0] * 5
    stream = rs.video_stream()
    stream.type, stream.index, stream.uid = kind, 0, pixel_bytes
    stream.width, stream.height, stream.fps = camera.width, camera.height, camera.rate_hz
    stream.bpp, stream.fmt, stream.intrinsics = pixel_bytes, pixel_format, lens
    return stream
