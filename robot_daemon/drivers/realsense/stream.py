"""Turns the framesets of an open RealSense pipeline into stamped frames."""

from collections.abc import Callable
from typing import Any

import numpy as np

from robot_daemon.drivers.capture.framing import Framing
from robot_daemon.drivers.realsense.library import rs, stop
from robot_daemon.drivers.realsense.options import RealsenseOptions
from robot_daemon.drivers.realsense.stamps import Domain, FrameTimes, Stamper
from robot_daemon.hardware.devices import DeviceConnectError, FrameSample
from serl_api.cell import CameraInfo, CameraIntrinsics

_DOMAINS = {
    rs.timestamp_domain.global_time: Domain.GLOBAL,
    rs.timestamp_domain.hardware_clock: Domain.HARDWARE,
    rs.timestamp_domain.system_time: Domain.SYSTEM,
}
_REVERSED = {rs.format.rgb8: False, rs.format.bgr8: True}


class RealsenseStream:
    """Reads a pipeline that runs; used by one thread.

    Args:
        name: Of the camera.
        pipeline: Started.
        profile: What `start` returned.
        options: What the cell's file says.
        now_ns: The cell's clock.
        wall_offset_ns: Wall clock minus the cell's clock for a frame, from its arrival on both (wall clock: metadata
            `time_of_arrival`, ms, None when absent); None when unknown.
        on_silence: Called with the seconds since the last frame while none comes; raises StreamLostError.
    """

    def __init__(
        self,
        name: str,
        pipeline: Any,  # noqa: ANN401
        profile: Any,  # noqa: ANN401
        options: RealsenseOptions,
        now_ns: Callable[[], int],
        wall_offset_ns: Callable[[int, int | None], int | None],
        on_silence: Callable[[float], None],
    ) -> None:
        self._pipeline = pipeline
        self._now_ns = now_ns
        self._wall_offset_ns = wall_offset_ns
        self._on_silence = on_silence
        self._heard_ns = now_ns()
        self._stamper = Stamper(round(options.latency_s * 1e9))
        self.problem = ""
        """What makes the stamps worse than they could be."""
        self._device = device = profile.get_device()
        colour = profile.get_stream(rs.stream.color).as_video_stream_profile()
        self._is_reversed = _order(colour.format())
        self._framing = Framing.of((colour.width(), colour.height()), options.crop_px, options.output_px)
        self._align = rs.align(rs.stream.color) if options.depth else None
        self._depth_scale = float(device.first_depth_sensor().get_depth_scale()) if options.depth else 0.0
        self._half_period_ms = 500.0 / colour.fps()
        lens = colour.get_intrinsics()
        self.info = CameraInfo(
            name=name,
            model=f"realsense {fact(device, rs.camera_info.name)}".strip(),
            serial_number=fact(device, rs.camera_info.serial_number),
            width=self._framing.output_width,
            height=self._framing.output_height,
            rate_hz=float(colour.fps()),
            has_depth=options.depth,
            intrinsics=self._framing.intrinsics(CameraIntrinsics(lens.fx, lens.fy, lens.ppx, lens.ppy)),
            mount=options.mount,
        )

    def read(self, timeout_s: float) -> FrameSample | None:
        """Waits for the next frame; None when none came in time. Raises StreamLostError when none will come."""
        arrived, frames = self._pipeline.try_wait_for_frames(max(1, round(timeout_s * 1000)))
        receive_ns = self._now_ns()
        if not arrived:
            self._on_silence((receive_ns - self._heard_ns) * 1e-9)
            return None
        self._heard_ns = receive_ns
        colour = frames.get_color_frame()
        if not colour:
            return None
        stamp = self._stamper.stamp(self._times(colour, receive_ns))
        depth = None
        if self._align is not None:
            paired = frames.get_depth_frame()
            if not paired or abs(paired.get_timestamp() - colour.get_timestamp()) > self._half_period_ms:
                return None  # The matcher's first framesets are partial; a picture without its depth is a lost one.
            depth = self._framing.depth(np.asanyarray(self._align.process(frames).get_depth_frame().get_data()))
        self.problem = stamp.problem
        pixels = np.asanyarray(colour.get_data())
        return FrameSample(
            time_ns=stamp.time_ns,
            receive_time_ns=receive_ns,
            number=colour.get_frame_number(),
            rgb=self._framing.colour(pixels[..., ::-1] if self._is_reversed else pixels),
            stamp_source=stamp.source,
            depth=depth,
            depth_scale=self._depth_scale,
        )

    def close(self) -> None:
        """Stops the pipeline."""
        stop(self._pipeline, self._device)

    def _times(self, frame: Any, receive_ns: int) -> FrameTimes:  # noqa: ANN401
        arrival_ms = _metadata(frame, rs.frame_metadata_value.time_of_arrival)
        return FrameTimes(
            domain=_DOMAINS[frame.get_frame_timestamp_domain()],
            timestamp_ms=frame.get_timestamp(),
            readout_us=_metadata(frame, rs.frame_metadata_value.frame_timestamp),
            middle_us=_metadata(frame, rs.frame_metadata_value.sensor_timestamp),
            receive_ns=receive_ns,
            wall_offset_ns=self._wall_offset_ns(receive_ns, arrival_ms),
        )


def fact(device: Any, key: Any) -> str:  # noqa: ANN401
    """Reads a text that a device of pyrealsense2 gives about itself; empty when it does not."""
    return device.get_info(key) if device.supports(key) else ""


def _metadata(frame: Any, key: Any) -> int | None:  # noqa: ANN401
    return frame.get_frame_metadata(key) if frame.supports_frame_metadata(key) else None


def _order(pixel_format: Any) -> bool:  # noqa: ANN401
    if pixel_format not in _REVERSED:
        raise DeviceConnectError(f"the colour stream has pixels of {pixel_format}; record it as RGB8 or BGR8")
    return _REVERSED[pixel_format]
