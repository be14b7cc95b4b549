"""Plays a recorded RealSense through the same pipeline as a real one, at the pace it was recorded."""

from collections.abc import Callable
from pathlib import Path

from robot_daemon.drivers.capture.capture import StreamLostError
from robot_daemon.drivers.realsense.library import context, opening, rs, stop
from robot_daemon.drivers.realsense.options import RealsenseOptions
from robot_daemon.drivers.realsense.stream import RealsenseStream
from robot_daemon.hardware.devices import DeviceConnectError
from serl_api.settings import ConfigError


def open_recording(
    name: str, path: Path, options: RealsenseOptions, now_ns: Callable[[], int], *, real_time: bool = True
) -> RealsenseStream:
    """Opens a recording.

    Args:
        name: Of the camera.
        path: The file.
        options: What the cell's file says.
        now_ns: The cell's clock.
        real_time: Whether frames come at the pace they were recorded and are lost when nobody reads them, as those of a
            camera; else each comes when it is read.

    Raises:
        DeviceConnectError: No such file, not a recording, or one without the streams that are asked for.
    """
    if not path.is_file():
        raise DeviceConnectError(f"recording {path} is not there; check the path")
    with opening:
        config = rs.config()
        pipeline = rs.pipeline(context())
        try:
            config.enable_device_from_file(str(path), repeat_playback=options.repeat)
            config.enable_stream(rs.stream.color)
            if options.depth:
                config.enable_stream(rs.stream.depth)
            profile = pipeline.start(config)
        except RuntimeError as error:
            streams = "colour and depth" if options.depth else "colour"
            text = f"recording {path} cannot be played ({_first_line(error)})"
            raise DeviceConnectError(f"{text}; give a .db3 or .bag of a RealSense with {streams}") from None
        playback = profile.get_device().as_playback()
        playback.set_real_time(real_time)

        def on_silence(_silent_s: float) -> None:
            if not options.repeat and playback.current_status() == rs.playback_status.stopped:
                raise StreamLostError(f"the recording {path.name} has ended", may_return=False)

        try:
            return RealsenseStream(name, pipeline, profile, options, now_ns, ReplayedWall(), on_silence)
        except (DeviceConnectError, ConfigError):
            stop(pipeline, playback)
            raise


class ReplayedWall:
    """Maps the wall clock of a recording to the present, as if it were recorded now.

    Playing can only be late, so the largest difference between the two arrivals is the nearest to the truth.
    """

    def __init__(self) -> None:
        self._offset_ns: int | None = None
        self._last_ms = 0

    def __call__(self, receive_ns: int, arrival_ms: int | None) -> int | None:
        """Returns the wall clock minus the cell's, ns; None when the recording does not say when its frames arrived."""
        if arrival_ms is None:
            return None
        offset_ns = arrival_ms * 1_000_000 - receive_ns
        has_begun_again = arrival_ms < self._last_ms
        if self._offset_ns is None or has_begun_again or offset_ns > self._offset_ns:
            self._offset_ns = offset_ns
        self._last_ms = arrival_ms
        return self._offset_ns


def _first_line(error: RuntimeError) -> str:
    return str(error).splitlines()[0].rstrip(".")
