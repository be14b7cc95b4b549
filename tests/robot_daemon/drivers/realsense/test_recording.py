"""Recordings through the real `rs.pipeline`."""

import dataclasses

import numpy as np
import pytest

from robot_daemon.devices import DeviceConnectError, StampSource
from robot_daemon.drivers.realsense import RealsenseOptions, build_camera
from robot_daemon.drivers.realsense.recording import ReplayedWall
from robot_daemon.drivers.realsense.stamps import NO_GLOBAL_TIME, NO_METADATA
from simulator.virtual.realsense import Shot, VirtualCamera, draw_pattern, read_number, record

FRAMES = 20
CAMERA = VirtualCamera(width=160, height=120, rate_hz=60)
PERIOD_NS = round(1e9 / CAMERA.rate_hz)


@pytest.fixture
def camera(timebase, closing):
    def build(path, **options):
        options.setdefault("repeat", False)
        return closing(build_camera("front", timebase, RealsenseOptions(recording=path, **options)))

    return build


def test_every_frame_comes_once_with_its_pixels_and_its_depth(camera, read_all, recording):
    frames, last_words = read_all(camera(recording, depth=True))
    assert [frame.number for frame in frames] == list(range(frames[0].number, FRAMES + 1))
    assert len(frames) >= FRAMES - 2  # The matcher's first framesets are partial.
    for frame in frames:
        colour, depth = draw_pattern(frame.number, CAMERA.width, CAMERA.height)
        assert np.array_equal(frame.rgb, colour)
        inner = np.s_[2:-2, 2:-2]  # Alignment leaves the rim unknown.
        assert np.mean(frame.depth[inner] == depth[inner]) > 0.95
        assert frame.depth_scale == pytest.approx(0.001)
    assert last_words == "the recording good.db3 has ended"


def test_stamps_are_the_middle_of_the_exposure(camera, read_all, write, tmp_path):
    slow = dataclasses.replace(CAMERA, exposure_s=0.04, latency_s=0.05, has_depth=False)
    frames, _ = read_all(camera(write(tmp_path / "slow.db3", slow)))
    ages = [frame.receive_time_ns - frame.time_ns for frame in frames]
    assert np.median(ages) == pytest.approx(70_000_000, abs=9_000_000)  # Without either part it would be 50 or 20.
    gaps = np.diff([frame.time_ns for frame in frames[5:]])
    assert np.median(np.abs(gaps - PERIOD_NS)) < 1_000_000
    assert {frame.stamp_source for frame in frames} == {StampSource.SENSOR}


def test_crop_comes_before_resize(camera, recording):
    made = camera(recording, crop_px=(40, 0, 80, 120), output_px=(40, 60), mount="tcp")
    assert (made.info.width, made.info.height, made.info.rate_hz, made.info.mount) == (40, 60, 60.0, "tcp")
    frame = made.read(2.0)
    expected, _ = draw_pattern(frame.number, CAMERA.width, CAMERA.height)
    assert frame.rgb.shape == (60, 40, 3)
    means = expected[:, 40:120].reshape(60, 2, 40, 2, 3).mean((1, 3))
    assert np.abs(frame.rgb - means).max() <= 0.5
    fx, fy, cx, cy = made.info.intrinsics
    assert (fx, fy) == pytest.approx((76.8, 76.8))
    assert (cx, cy) == pytest.approx((19.5, 29.5))


def test_a_recording_that_repeats_goes_on_counting(camera, recording):
    made = camera(recording, repeat=True)
    frames = [made.read(3.0) for _ in range(2 * FRAMES + 5)]
    numbers = [frame.number for frame in frames]
    assert numbers == sorted(set(numbers))
    assert [read_number(frame.rgb) for frame in frames[-5:]] != numbers[-5:]
    times = [frame.time_ns for frame in frames]
    assert times == sorted(set(times))
    assert max(frame.receive_time_ns - frame.time_ns for frame in frames) < 200_000_000
    assert {frame.stamp_source for frame in frames} == {StampSource.SENSOR}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"domain": "system", "has_metadata": False}, NO_METADATA),
        ({"domain": "hardware"}, NO_GLOBAL_TIME),
    ],
)
def test_a_camera_that_cannot_stamp_is_degraded_and_says_so_once(camera, read_all, write, tmp_path, changes, problem):
    path = write(tmp_path / "poor.db3", dataclasses.replace(CAMERA, has_depth=False, **changes), count=8)
    made = camera(path)
    frames, _ = read_all(made)
    assert {frame.stamp_source for frame in frames} == {StampSource.ARRIVAL}
    (fault,) = made.faults()
    assert (fault.id, fault.clearable) == ("camera_degraded.front", False)
    assert fault.text == f"camera front is degraded: {problem}"


def test_lost_frames_are_gaps_in_the_count(camera, read_all, tmp_path):
    def some():
        for index in (0, 1, 2, 5, 6, 7):
            colour, _ = draw_pattern(index + 1, CAMERA.width, CAMERA.height)
            yield Shot(number=index + 1, middle_s=index / CAMERA.rate_hz, colour=colour)

    path = tmp_path / "gaps.db3"
    assert record(path, dataclasses.replace(CAMERA, has_depth=False), some()) == 6
    frames, _ = read_all(camera(path))
    assert [frame.number for frame in frames] == [1, 2, 3, 6, 7, 8]
    assert frames[3].time_ns - frames[2].time_ns == pytest.approx(3 * PERIOD_NS, abs=4_000_000)


@pytest.mark.parametrize(
    ("content", "text"),
    [(None, "is not there; check the path"), (b"junk", "cannot be played"), (b"", "cannot be played")],
)
def test_a_file_that_is_no_recording_is_refused(camera, tmp_path, content, text):
    path = tmp_path / "file.db3"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DeviceConnectError, match=f"camera front: recording .* {text}"):
        camera(path)


def test_streams_and_boxes_that_the_recording_lacks_are_refused(camera, write, tmp_path, recording):
    path = write(tmp_path / "colour.db3", dataclasses.replace(CAMERA, has_depth=False), count=2)
    with pytest.raises(DeviceConnectError, match="with colour and depth"):
        camera(path, depth=True)
    with pytest.raises(DeviceConnectError, match=r"crop_px is \[100, 0, 100, 100\].* the picture is 160 x 120 px"):
        camera(recording, crop_px=(100, 0, 100, 100))


def test_a_replayed_wall_clock_follows_the_earliest_arrival_and_begins_anew():
    wall = ReplayedWall()
    assert wall(1_000, 5_000) == 5_000_000_000 - 1_000
    assert wall(33_000_000, 5_030) == 5_000_000_000 - 1_000  # Late by 3 ms.
    assert wall(60_000_000, 5_062) == 5_002_000_000
    assert wall(90_000_000, 5_000) == 4_910_000_000  # The file repeats.
    assert wall(91_000_000, None) is None
