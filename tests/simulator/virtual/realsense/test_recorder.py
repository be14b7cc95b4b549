import numpy as np
import pytest

from simulator.virtual.realsense import Shot, VirtualCamera, draw_pattern, record

pytestmark = pytest.mark.real_time

CAMERA = VirtualCamera(width=64, height=48, rate_hz=60, has_depth=False)


def shots(count, width=64, height=48):
    for index in range(count):
        yield Shot(number=index + 1, middle_s=index / 60, colour=draw_pattern(index + 1, width, height)[0])


def test_shots_are_written_at_their_own_pace(tmp_path):
    pauses = []
    assert record(tmp_path / "a.db3", CAMERA, shots(4), pause=pauses.append) == 4
    assert len(pauses) == 4
    assert max(pauses) <= 3 / 60
    assert (tmp_path / "a.db3").stat().st_size > 4 * 64 * 48


def test_an_old_recording_is_replaced(tmp_path):
    path = tmp_path / "a.db3"
    path.write_bytes(b"old")
    record(path, CAMERA, shots(2), pause=lambda _: None)
    assert path.read_bytes()[:6] == b"SQLite"


def test_other_formats_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"does not end in \.db3"):
        record(tmp_path / "a.bag", CAMERA, shots(1))


def test_a_folder_that_is_not_there_is_refused_before_anything_is_recorded(tmp_path):
    drawn = []
    with pytest.raises(FileNotFoundError):
        record(tmp_path / "nowhere" / "a.db3", CAMERA, iter(drawn))


def test_a_picture_of_another_size_is_refused_with_both(tmp_path):
    wrong = [Shot(number=1, middle_s=0.0, colour=np.zeros((4, 4, 3), np.uint8))]
    with pytest.raises(ValueError, match=r"a shot has shape \(4, 4, 3\); the camera gives 64 x 48 px"):
        record(tmp_path / "a.db3", CAMERA, wrong)
