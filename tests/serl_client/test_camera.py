import itertools

import pytest

from serl_api.enums import PixelEncoding
from serl_api.errors.robot import ConnectionLostError, DeviceUnavailableError, NotFoundError
from serl_client import CameraClient


@pytest.fixture
def cameras(robot):
    return CameraClient(robot.connection)


def test_cameras_are_listed(cameras):
    listed = cameras.list_cameras()
    assert list(listed) == ["front", "wrist"]
    assert (listed["front"].width, listed["front"].height) == (128, 128)


def test_a_frame_has_pixels(cameras):
    frame = cameras.get_frame("front")
    assert frame.camera == "front"
    assert frame.rgb.shape == (128, 128, 3)


@pytest.mark.parametrize(
    ("encoding", "magic"), [(PixelEncoding.PNG, b"\x89PNG"), (PixelEncoding.JPEG, b"\xff\xd8\xff")]
)
def test_a_frame_comes_encoded(cameras, encoding, magic):
    frame = cameras.get_frame("wrist", encoding=encoding)
    assert frame.encoding is encoding
    assert frame.data.startswith(magic)


def test_an_unknown_camera_lists_the_known_ones(cameras):
    with pytest.raises(NotFoundError) as caught:
        cameras.get_frame("side")
    assert set(caught.value.available) == {"front", "wrist"}


def test_a_silent_camera_says_so_and_comes_back(cameras, lockstep_daemon):
    lockstep_daemon.fake.cameras["front"].is_delivering = False
    with pytest.raises(DeviceUnavailableError):
        cameras.get_frame("front")
    lockstep_daemon.fake.cameras["front"].is_delivering = True
    assert cameras.get_frame("front").camera == "front"


def test_frames_stream_until_the_reader_stops(real_time_daemon):
    with CameraClient(real_time_daemon.address) as cameras:
        frames = cameras.stream_frames(["front"], max_rate_hz=100.0)
        assert {frame.camera for frame in itertools.islice(frames, 3)} == {"front"}
        frames.close()


def test_a_borrowed_connection_stays_open(robot):
    CameraClient(robot.connection).close()
    assert robot.get_state() is not None


def test_an_unreachable_address_is_named():
    with pytest.raises(ConnectionLostError, match="127"):
        CameraClient("127.0.0.1:1", connect_timeout_s=0.2)
