"""Recordings through the real `rs.pipeline`."""

import contextlib
import dataclasses
import itertools

import numpy as np
import pytest

from robot_daemon.drivers.realsense import RealsenseOptions, build_camera
from robot_daemon.drivers.realsense.recording import ReplayedWall, open_recording
from robot_daemon.drivers.realsense.stamps import NO_GLOBAL_TIME, NO_METADATA
from robot_daemon.hardware.devices import DeviceConnectError
from serl_api.enums import StampSource
from simulator.virtual.realsense import Shot, VirtualCamera, draw_pattern, read_number, record

pytestmark = pytest.mark.real_time

FRAMES = 20
CAMERA = VirtualCamera(width=160, height=120, rate_hz=60)
PERIOD_NS = round(1e9 / CAMERA.rate_hz)


@pytest.fixture
def frames_of():
    """`frames_of(path, **options)`: the frames of a recording to its `last`; each moves the clock by a period."""

    def play_once(path, last, options):
        clock = itertools.count(10**12, PERIOD_NS)
        stream = open_recording("front", path, options, lambda: next(clock), real_time=False)
        frames, problems = [], set()
        with contextlib.closing(stream):
            while not frames or frames[-1].number < last:
                frame = stream.read(20.0)
                if frame is not None:
                    frames.append(frame)
                    problems.add(stream.problem)
        return frames, problems

    def play(path, last=FRAMES, missing=(), **options):
        options = RealsenseOptions(recording=path, repeat=False, **options)
        for _ in range(20):
            frames, problems = play_once(path, last, options)
            if [frame.number for frame in frames] == [
                number for number in range(frames[0].number, last + 1) if number not in missing
            ]:
                return frames, problems
        # While the library starts it now and then loses one of the first frames, and this clock then counts wrong.
        raise AssertionError("the library lost a frame in each of 20 plays")

    return play


@pytest.fixture
def camera(timebase, closing):
    def build(path, **options):
        return closing(build_camera("front", timebase, RealsenseOptions(recording=path, **options)))

    return build


def test_frames_come_in_order_with_their_own_pixels_and_depth(frames_of, recording):
    frames, _ = frames_of(recording, depth=True)
    numbers = [frame.number for frame in frames]
    assert numbers == sorted(set(numbers))
    assert len(numbers) >= FRAMES // 2  # The matcher's first framesets are partial; a busy machine loses some.
    for frame in frames:
        colour, depth = draw_pattern(frame.number, CAMERA.width, CAMERA.height)
        assert np.array_equal(frame.rgb, colour)
        inner = np.s_[2:-2, 2:-2]  # Alignment leaves the rim unknown.
        assert np.mean(frame.depth[inner] == depth[inner]) > 0.95
        assert frame.depth_scale == pytest.approx(0.001)


def test_stamps_are_the_middle_of_the_exposure(frames_of, write, tmp_path):
    slow = dataclasses.replace(CAMERA, exposure_s=0.04, latency_s=0.05, has_depth=False)
    frames, problems = frames_of(write(tmp_path / "slow.db3", slow))
    assert problems == {""}
    for frame in frames:
        age_ns = frame.receive_time_ns - frame.time_ns
        assert age_ns == pytest.approx(70_000_000, abs=1_000_000)  # The recording has whole milliseconds.
        assert frame.stamp_source is StampSource.SENSOR


def test_crop_comes_before_resize(frames_of, camera, recording):
    options = {"crop_px": (40, 0, 80, 120), "output_px": (40, 60), "mount": "tcp"}
    frames, _ = frames_of(recording, **options)
    expected, _ = draw_pattern(frames[0].number, CAMERA.width, CAMERA.height)
    assert frames[0].rgb.shape == (60, 40, 3)
    means = expected[:, 40:120].reshape(60, 2, 40, 2, 3).mean((1, 3))
    assert np.abs(frames[0].rgb - means).max() <= 0.5
    info = camera(recording, **options).info
    assert (info.width, info.height, info.rate_hz, info.mount) == (40, 60, 60.0, "tcp")
    fx, fy, cx, cy = dataclasses.astuple(info.intrinsics)
    assert (fx, fy) == pytest.approx((76.8, 76.8))
    assert (cx, cy) == pytest.approx((19.5, 29.5))


def test_a_recording_that_repeats_goes_on_counting(camera, recording):
    made = camera(recording)
    frames = [made.read(10.0)]
    while read_number(frames[-1].rgb) == frames[-1].number:  # Until it has begun again.
        frames.append(made.read(10.0))
    frames += [made.read(10.0) for _ in range(3)]
    numbers = [frame.number for frame in frames]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] > FRAMES
    times = [frame.time_ns for frame in frames]
    assert times == sorted(set(times))
    assert {frame.stamp_source for frame in frames} == {StampSource.SENSOR}


def test_a_recording_that_does_not_repeat_ends_with_a_sentence(camera, recording, read_all):
    frames, last_words = read_all(camera(recording, repeat=False))
    assert last_words == "the recording good.db3 has ended"
    assert [read_number(frame.rgb) for frame in frames] == [frame.number for frame in frames]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"domain": "system", "has_metadata": False}, NO_METADATA),
        ({"domain": "hardware"}, NO_GLOBAL_TIME),
    ],
)
def test_a_camera_that_cannot_stamp_is_degraded_and_says_so_once(
    frames_of, camera, read_all, write, tmp_path, changes, problem
):
    path = write(tmp_path / "poor.db3", dataclasses.replace(CAMERA, has_depth=False, **changes), count=8)
    frames, problems = frames_of(path, last=8)
    assert {frame.stamp_source for frame in frames} == {StampSource.ARRIVAL}
    assert problems == {problem}
    made = camera(path)
    made.read(10.0)
    (fault,) = made.faults()
    assert (fault.id, fault.clearable) == ("camera_degraded.front", False)
    assert fault.text == f"camera front is degraded: {problem}"


def test_lost_frames_are_gaps_in_the_count(frames_of, tmp_path):
    def some():
        for index in (0, 1, 2, 5, 6, 7):
            colour, _ = draw_pattern(index + 1, CAMERA.width, CAMERA.height)
            yield Shot(number=index + 1, middle_s=index / CAMERA.rate_hz, colour=colour)

    path = tmp_path / "gaps.db3"
    assert record(path, dataclasses.replace(CAMERA, has_depth=False), some()) == 6
    frames, _ = frames_of(path, last=8, missing=(4, 5))
    numbers = [frame.number for frame in frames]
    assert numbers[-3:] == [6, 7, 8]
    assert numbers[:-3] in ([1, 2, 3], [2, 3])


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
