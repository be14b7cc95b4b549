"""The webcam driver on video files, which OpenCV opens like a device; V4L2 itself needs a camera."""

import itertools

import cv2
import numpy as np
import pytest

from robot_daemon.config.cell_builder import device_options
from robot_daemon.config.cell_config import DriverConfig
from robot_daemon.drivers.webcam import WebcamOptions, WebcamStream, build_camera
from robot_daemon.hardware.devices import DeviceConnectError
from robot_daemon.hardware.timebase import RealTimebase
from serl_api.enums import StampSource
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.settings import ConfigError
from simulator.virtual.realsense import draw_pattern, read_number

pytestmark = pytest.mark.real_time

FRAMES = 12
RATE_HZ = 60.0


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("webcam") / "pattern.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), RATE_HZ, (160, 120))
    assert writer.isOpened()
    for number in range(1, FRAMES + 1):
        colour, _ = draw_pattern(number, 160, 120)
        writer.write(cv2.cvtColor(colour, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


@pytest.fixture
def camera(video):
    made = []

    def build(**options):
        made.append(build_camera("front", RealTimebase(), WebcamOptions(device=str(video), **options)))
        return made[-1]

    yield build
    for each in made:
        each.close()


@pytest.mark.trap
def test_frames_come_in_order_in_rgb_until_the_end(camera):
    made = camera(repeat=False)
    assert (made.info.width, made.info.height, made.info.rate_hz) == (160, 120, RATE_HZ)
    frames, last_words = [], ""
    while "pattern.avi has ended" not in last_words:  # Until then a busy machine may be late with a frame.
        try:
            frames.append(made.read(0.2))
        except DeviceUnavailableError as error:
            last_words = str(error)
    assert [frame.number for frame in frames] == [read_number(frame.rgb) for frame in frames]
    expected, _ = draw_pattern(frames[-1].number, 160, 120)
    error = np.abs(frames[-1].rgb.astype(int) - expected).mean()
    assert error < 12.0  # Motion JPEG is lossy.
    red, _, blue = frames[-1].rgb[90, 150].astype(int)
    assert blue > red + 80


def test_stamps_are_arrivals_less_the_latency(camera):
    made = camera(latency_s=0.03)
    frames = [made.read(10.0) for _ in range(5)]
    for before, after in itertools.pairwise(frames):
        assert before.time_ns < after.time_ns
    for frame in frames:
        assert frame.receive_time_ns - frame.time_ns == 30_000_000
        assert frame.stamp_source is StampSource.ARRIVAL


def test_a_video_that_repeats_goes_on(camera):
    made = camera()
    frames = [made.read(10.0)]
    while frames[-1].number < FRAMES + 4:
        frames.append(made.read(10.0))
    for frame in frames:
        assert read_number(frame.rgb) == (frame.number - 1) % FRAMES + 1


def test_crop_and_resize(camera):
    made = camera(crop_px=(0, 0, 120, 120), output_px=(64, 64))
    assert made.read(10.0).rgb.shape == (64, 64, 3)
    assert (made.info.width, made.info.height) == (64, 64)


class KernelStamps:
    """A capture as V4L2's: it tells when the kernel had the frame, on some clock."""

    def __init__(self, stamp_ms):
        self._values = {cv2.CAP_PROP_FPS: 30.0, cv2.CAP_PROP_FRAME_WIDTH: 4.0, cv2.CAP_PROP_FRAME_HEIGHT: 4.0}
        self._values[cv2.CAP_PROP_POS_MSEC] = stamp_ms
        self.is_released = False

    def get(self, key):
        return self._values[key]

    def getBackendName(self):  # noqa: N802 - OpenCV's name.
        return "V4L2"

    def read(self):
        return True, np.zeros((4, 4, 3), np.uint8)

    def release(self):
        self.is_released = True


@pytest.mark.parametrize(
    ("stamp_ms", "expected_ns"), [(9_990.0, 9_970_000_000), (1.7e12, 9_980_000_000), (0.0, 9_980_000_000)]
)
def test_the_kernels_stamp_counts_where_it_is_on_our_clock(stamp_ms, expected_ns):
    """It is 10 s now, and the latency is 20 ms."""
    options = WebcamOptions(device="0", width=4, height=4, latency_s=0.02)
    stream = WebcamStream("front", KernelStamps(stamp_ms), options, lambda: 10_000_000_000)
    assert stream.read(1.0).time_ns == expected_ns


def test_a_size_that_the_camera_does_not_offer_is_refused_and_it_is_let_go():
    capture = KernelStamps(0.0)
    with pytest.raises(DeviceConnectError, match="offers 4 x 4 px instead of 640 x 480; ask for that"):
        WebcamStream("front", capture, WebcamOptions(device="0"), lambda: 0)
    assert capture.is_released


@pytest.mark.parametrize(
    ("device", "text"),
    [
        ("97", r"camera front: /dev/video97 is not there; present: "),
        ("/dev/video97", r"camera front: /dev/video97 is not there"),
        ("/dev/v4l/by-id/usb-nothing", r"usb-nothing is not there"),
    ],
)
def test_a_device_that_is_not_there_is_named_with_those_that_are(device, text):
    with pytest.raises(DeviceConnectError, match=text):
        build_camera("front", RealTimebase(), WebcamOptions(device=device))


def test_a_file_that_is_no_video_is_refused(tmp_path, capfd):
    path = tmp_path / "notes.txt"
    path.write_text("no video")
    with pytest.raises(DeviceConnectError, match=r"notes.txt is no video that can be played; give a file such as .mp4"):
        build_camera("front", RealTimebase(), WebcamOptions(device=str(path)))


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"device": ""}, "device is empty"),
        ({"pixel_format": "MJPEG"}, 'pixel_format is "MJPEG"; it has four letters'),
        ({"exposure_s": 0.0}, "exposure_s is 0; it must be in (0, 1]"),
        ({"rate_hz": -1.0}, "rate_hz is -1"),
        ({"crop_px": [0, 0, 10, 0]}, "crop_px (height) is 0"),
        ({"with": 5}, "unknown key cameras.front.with; did you mean width?"),
    ],
)
def test_a_wrong_option_is_named_with_its_bounds(table, text):
    with pytest.raises(ConfigError) as caught:
        device_options(DriverConfig(driver="webcam", options=table), "cameras.front")
    assert text in str(caught.value)
