"""Reads webcams through OpenCV and V4L2, or video files in their place."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from robot_daemon.drivers.capture.capture import CapturedCamera, Stream, StreamLostError
from robot_daemon.drivers.capture.framing import Framing, require_framing
from robot_daemon.hardware.devices import Camera, DeviceConnectError, FrameSample, Timebase
from serl_api.cell import CameraInfo
from serl_api.enums import StampSource
from serl_api.settings import ConfigError, require_between

MAX_KERNEL_AGE_NS = 1_000_000_000
"""An older stamp of the kernel is on another clock."""


@dataclass(frozen=True, kw_only=True)
class WebcamOptions:
    """Holds the options of a V4L2 camera, or of a video file in its place."""

    device: str = "0"
    """Number, path such as "/dev/video0" or, best, its lasting name below /dev/v4l/by-id; or a video file."""
    repeat: bool = True
    """Whether a video file begins again at its end."""
    width: int = 640
    """Of the sensor's picture, px. A file has its own size."""
    height: int = 480
    """Of the sensor's picture, px."""
    rate_hz: float = 30.0
    """Frames a second. A file has its own rate."""
    pixel_format: str = "MJPG"
    """Four letters of V4L2: "MJPG" fits several cameras on one bus, "YUYV" is not compressed."""
    exposure_s: float | None = None
    """Exposure, s; left out: automatic."""
    latency_s: float = 0.05
    """From the middle of an exposure to arrival, s; measure it once, see the camera guide."""
    crop_px: tuple[int, int, int, int] | None = None
    """Left, top, width and height of the part that is kept, px. Applied before `output_px`."""
    output_px: tuple[int, int] | None = None
    """Width and height of delivered frames, px; left out: those of the crop."""

    def __post_init__(self) -> None:
        if not self.device:
            raise ConfigError('device is empty; give a number such as "0", or a path such as "/dev/video0"')
        require_between("width", self.width, 1, 8192)
        require_between("height", self.height, 1, 8192)
        require_between("rate_hz", self.rate_hz, 0.0, 300.0, above=True)
        require_between("latency_s", self.latency_s, 0.0, 1.0)
        if self.exposure_s is not None:
            require_between("exposure_s", self.exposure_s, 0.0, 1.0, above=True)
        if len(self.pixel_format) != 4 or not self.pixel_format.isascii():
            raise ConfigError(f'pixel_format is "{self.pixel_format}"; it has four letters, such as MJPG or YUYV')
        require_framing(self.crop_px, self.output_px)

    @property
    def file(self) -> Path | None:
        """Returns the video file; None for a camera."""
        path = Path(self.device)
        return path if path.is_file() else None


def build_camera(name: str, timebase: Timebase, options: WebcamOptions) -> Camera:
    """Builds a camera of a cell's file.

    Raises:
        DeviceConnectError: It cannot be opened, or gives other frames than asked; with the camera's name in front.
    """

    def open_stream() -> Stream:
        capture = _open_file(options.file) if options.file is not None else _open_device(options)
        return WebcamStream(name, capture, options, timebase.now_ns)

    return CapturedCamera(name, open_stream, timebase.now_ns)


class WebcamStream:
    """Reads an open capture; used by one thread."""

    problem = ""
    """Never any: a webcam's stamps cannot be better, and each frame says so."""

    def __init__(self, name: str, capture: cv2.VideoCapture, options: WebcamOptions, now_ns: Callable[[], int]) -> None:
        self._capture = capture
        self._options = options
        self._now_ns = now_ns
        self._number = 0
        self._is_file = options.file is not None
        rate_hz = capture.get(cv2.CAP_PROP_FPS) or options.rate_hz
        self._period_ns = round(1e9 / rate_hz)
        self._due_ns = now_ns()
        size = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        try:
            if not self._is_file and size != (options.width, options.height):
                asked = f"{options.width} x {options.height}"
                raise DeviceConnectError(
                    f"{options.device} offers {size[0]} x {size[1]} px instead of {asked}; ask for that"
                )
            self._framing = Framing.of(size, options.crop_px, options.output_px)
        except (DeviceConnectError, ConfigError):
            capture.release()
            raise
        self.info = CameraInfo(
            name=name,
            model=f"webcam {capture.getBackendName()}",
            serial_number="",
            width=self._framing.output_width,
            height=self._framing.output_height,
            rate_hz=rate_hz,
        )

    def read(self, timeout_s: float) -> FrameSample | None:
        """Waits for the next frame. Raises StreamLostError when none will come."""
        if self._is_file:
            self._wait_for_turn()
        arrived, image = self._capture.read()
        receive_ns = self._now_ns()
        if not arrived and self._is_file and self._options.repeat and self._number > 0:
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
            arrived, image = self._capture.read()
        if not arrived:
            self._lose()
        self._number += 1
        return FrameSample(
            time_ns=self._arrival_ns(receive_ns) - round(self._options.latency_s * 1e9),
            receive_time_ns=receive_ns,
            number=self._number,
            rgb=self._framing.colour(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)),
            stamp_source=StampSource.ARRIVAL,
        )

    def close(self) -> None:
        """Lets go of the device or file."""
        self._capture.release()

    def _wait_for_turn(self) -> None:
        self._due_ns = max(self._due_ns + self._period_ns, self._now_ns() - self._period_ns)
        time.sleep(max(0.0, (self._due_ns - self._now_ns()) * 1e-9))

    def _arrival_ns(self, receive_ns: int) -> int:
        """Returns when the kernel had the frame, if it says so on the monotonic clock (V4L2 does), else on arrival."""
        if self._is_file:
            return receive_ns
        kernel_ns = round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
        return kernel_ns if 0 <= receive_ns - kernel_ns <= MAX_KERNEL_AGE_NS else receive_ns

    def _lose(self) -> None:
        device = self._options.device
        if not self._is_file:
            raise StreamLostError(f"{device} was unplugged or stopped")
        raise StreamLostError(f"the video {device} has ended", may_return=False)


def _open_file(path: Path) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened() or capture.get(cv2.CAP_PROP_FRAME_WIDTH) < 1:
        raise DeviceConnectError(f"{path} is no video that can be played; give a file such as .mp4 or .avi")
    return capture


def _open_device(options: WebcamOptions) -> cv2.VideoCapture:
    number = options.device.removeprefix("/dev/video")
    path = Path(f"/dev/video{number}" if number.isdecimal() else options.device)
    if not path.exists():
        present = ", ".join(sorted(str(found) for found in Path("/dev").glob("video*"))) or "none"
        raise DeviceConnectError(f"{path} is not there; present: {present}")
    capture = cv2.VideoCapture(str(path), cv2.CAP_V4L2)
    if not capture.isOpened():
        raise DeviceConnectError(
            f"{path} cannot be opened; close other programs that use it, and join the group that owns it (video)"
        )
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*options.pixel_format))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, options.width)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, options.height)
    capture.set(cv2.CAP_PROP_FPS, options.rate_hz)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    if options.exposure_s is not None:
        capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, 1)  # V4L2_EXPOSURE_MANUAL
        capture.set(cv2.CAP_PROP_EXPOSURE, round(options.exposure_s * 1e4))  # V4L2 counts 100 us.
    return capture
