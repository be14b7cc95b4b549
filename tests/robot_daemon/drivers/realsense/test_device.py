"""Cameras that are plugged in: recordings that librealsense lists as devices, through the real context and pipeline."""

import dataclasses
from types import SimpleNamespace

import pytest

from robot_daemon.drivers.capture.capture import CapturedCamera
from robot_daemon.drivers.realsense import PresentCamera, RealsenseOptions, build_camera, device, present_cameras
from robot_daemon.drivers.realsense.device import open_device
from robot_daemon.hardware.devices import DeviceConnectError
from serl_api.enums import StampSource
from serl_api.errors.robot import DeviceUnavailableError
from simulator.virtual.realsense import VirtualCamera, read_number
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real_time

CAMERA = VirtualCamera(width=160, height=120, rate_hz=60)
OPTIONS = RealsenseOptions(width=CAMERA.width, height=CAMERA.height, rate_hz=CAMERA.rate_hz)


@pytest.fixture(scope="module")
def two(write, tmp_path_factory):
    """Recordings of two cameras."""
    folder = tmp_path_factory.mktemp("two")
    cameras = [dataclasses.replace(CAMERA, serial=serial, has_depth=False) for serial in ("111", "222")]
    return [write(folder / f"{camera.serial}.db3", camera, count=40) for camera in cameras]


@pytest.fixture(autouse=True)
def nothing_plugged_in():
    """Recordings of earlier tests stay listed until the library's threads have let go of them."""
    wait_until(lambda: not present_cameras(), pause_s=0.02, explain=present_cameras)


def test_with_nothing_plugged_in_the_sentence_says_so(timebase):
    assert present_cameras() == []
    with pytest.raises(DeviceConnectError, match="camera wrist: no RealSense 123 is plugged in; check cable"):
        build_camera("wrist", timebase, RealsenseOptions(serial="123"))


def test_a_wrong_serial_gets_the_list_of_those_present(timebase, plug, two):
    for path in two:
        plug.into(path)
    assert set(present_cameras()) == {PresentCamera(serial, "Virtual D400", "3.2") for serial in ("111", "222")}
    with pytest.raises(DeviceConnectError, match=r"no RealSense has serial 999; plugged in: \d+ \(Virtual D400"):
        build_camera("wrist", timebase, dataclasses.replace(OPTIONS, serial="999"))


def test_streams_that_the_camera_does_not_offer_get_the_list_of_those_it_does(timebase, plug, two):
    plug.into(two[0])
    with pytest.raises(DeviceConnectError, match=r"does not offer colour of 640 x 480 px at 30 Hz.*160 x 120 at 60"):
        build_camera("wrist", timebase, RealsenseOptions(serial="111"))


def test_settings_that_the_camera_lacks_are_refused_and_it_is_let_go(timebase, plug, two, closing):
    plug.into(two[0])
    with pytest.raises(DeviceConnectError, match=r"exposure_s is 0\.01, but this camera cannot be set so"):
        build_camera("wrist", timebase, dataclasses.replace(OPTIONS, exposure_s=0.01))
    assert closing(build_camera("wrist", timebase, OPTIONS)).read(10.0).number >= 1


def test_two_cameras_by_serial_in_one_process(timebase, plug, two, closing):
    for path in two:
        plug.into(path)
    cameras = [
        closing(build_camera(name, timebase, dataclasses.replace(OPTIONS, serial=serial)))
        for name, serial in (("front", "111"), ("wrist", "222"))
    ]
    assert [camera.info.serial_number for camera in cameras] == ["111", "222"]
    for camera in cameras:
        frames = [camera.read(10.0) for _ in range(5)]
        assert [frame.number for frame in frames] == [read_number(frame.rgb) for frame in frames]


def test_an_unplugged_camera_returns_without_restart(timebase, plug, two, closing):
    plug.into(two[0])
    options = dataclasses.replace(OPTIONS, serial="111")
    camera = closing(
        CapturedCamera(
            "front", lambda: open_device("front", options, timebase.now_ns), timebase.now_ns, reopen_interval_s=0.05
        )
    )
    before = camera.read(10.0)
    plug.out(two[0])
    wait_until(lambda: "no RealSense 111 is plugged in" in trouble(camera))
    plug.into(two[0])
    after = wait_until(lambda: frame_of(camera))
    assert after.number > before.number
    assert after.time_ns > before.time_ns
    assert read_number(after.rgb) < after.number  # The camera counts anew; the driver does not.


def test_a_live_camera_is_stamped_on_the_monotonic_clock(timebase, plug, two, closing, monkeypatch):
    """On a wall clock that reads the time of the recording when its first frame arrives, however late that is."""
    arrived = []

    def wall_ns():
        arrived.append(timebase.now_ns())
        return round((CAMERA.epoch_s + 0.2) * 1e9) + timebase.now_ns() - arrived[0]

    monkeypatch.setattr(device, "time", SimpleNamespace(time_ns=wall_ns))
    plug.into(two[0])
    made = closing(build_camera("front", timebase, OPTIONS))
    frames = [made.read(10.0) for _ in range(8)]
    assert {frame.stamp_source for frame in frames} == {StampSource.SENSOR}
    for frame in frames[4:]:
        expected_ns = arrived[0] - 200_000_000 + round((frame.number - 1) / CAMERA.rate_hz * 1e9)
        assert frame.time_ns == pytest.approx(expected_ns, abs=1_000_000)


def trouble(camera):
    try:
        camera.read(0.3)
    except DeviceUnavailableError as error:
        return str(error)
    return ""


def frame_of(camera):
    try:
        return camera.read(0.3)
    except DeviceUnavailableError:
        return None
