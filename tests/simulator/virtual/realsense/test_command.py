import numpy as np
import pytest

from robot_daemon.drivers.realsense import RealsenseOptions, build_camera
from robot_daemon.hardware.timebase import RealTimebase
from simulator.virtual.__main__ import main
from simulator.virtual.realsense import read_number

pytestmark = pytest.mark.real_time


def run(path, *words):
    return main(["realsense-recording", "--out", str(path), "--width", "160", "--height", "120", *words])


def play(path, count):
    camera = build_camera("front", RealTimebase(), RealsenseOptions(recording=path))
    try:
        return camera.info, [camera.read(5.0) for _ in range(count)]
    finally:
        camera.close()


def test_a_pattern_is_written_and_the_driver_plays_it(tmp_path, capsys):
    path = tmp_path / "wrist.db3"
    assert run(path, "--duration-s", "0.5", "--rate-hz", "60", "--serial", "42") == 0
    assert capsys.readouterr().out == f"{path}: 30 frames, 160 x 120 px at 60 Hz\n"
    info, frames = play(path, 4)
    assert (info.serial_number, info.rate_hz) == ("42", 60.0)
    assert [read_number(frame.rgb) for frame in frames] == [frame.number for frame in frames]


def test_a_task_is_drawn_with_its_arm_moving(tmp_path):
    path = tmp_path / "front.db3"
    assert run(path, "--task", "pick-cube", "--duration-s", "0.5", "--rate-hz", "30") == 0
    info, frames = play(path, 12)
    assert info.intrinsics is not None
    assert np.ptp(frames[0].rgb) > 50
    assert max(np.abs(frame.rgb.astype(int) - frames[0].rgb).max() for frame in frames) > 20


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--task", "pick-cub"), 'there is no task "pick-cub"'),
        (("--task", "pick-cube", "--view", "side"), 'there is no camera "side"; available: front, wrist'),
    ],
)
def test_an_unknown_name_gets_the_list(tmp_path, capsys, words, text):
    assert run(tmp_path / "a.db3", *words) == 2
    assert text in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--rate-hz", "0"), "--rate-hz is 0; it must be in [1, 300]"),
        (("--duration-s", "0"), "--duration-s is 0; it must be in [0.1, 600]"),
        (("--out", "a.bag"), "it must end in .db3"),
    ],
)
def test_wrong_numbers_are_refused_with_their_bounds(tmp_path, capsys, words, text):
    with pytest.raises(SystemExit) as caught:
        run(tmp_path / "a.db3", *words)
    assert caught.value.code == 2
    assert text in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_said(tmp_path, capsys):
    assert run(tmp_path / "nowhere" / "a.db3", "--duration-s", "0.1") == 1
    assert "No such file" in capsys.readouterr().err
