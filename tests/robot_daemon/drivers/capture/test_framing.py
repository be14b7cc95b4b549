from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_daemon.drivers.capture.framing import Framing, require_framing
from serl_api.cell import CameraIntrinsics
from serl_api.settings import ConfigError


@given(st.integers(1, 40), st.integers(1, 40))
def test_without_options_a_picture_is_copied_whole(width, height):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    framed = Framing.of((width, height), None, None).colour(image)
    assert np.array_equal(framed, image)
    assert not np.shares_memory(framed, image)
    assert framed.flags.c_contiguous


@given(st.integers(0, 10), st.integers(0, 10), st.integers(1, 10), st.integers(1, 10))
def test_a_crop_keeps_its_box(left, top, width, height):
    image = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    framed = Framing.of((20, 20), (left, top, width, height), None).colour(image)
    assert np.array_equal(framed, image[top : top + height, left : left + width])


@given(st.integers(1, 4), st.integers(1, 4))
def test_a_smaller_picture_averages_what_it_covers(sx, sy):
    image = np.random.default_rng(0).integers(0, 256, (8 * sy, 6 * sx, 3), dtype=np.uint8)
    framed = Framing.of((6 * sx, 8 * sy), None, (6, 8)).colour(image)
    assert np.abs(framed - image.reshape(8, sy, 6, sx, 3).mean((1, 3))).max() <= 0.51


def test_depth_is_never_averaged():
    image = np.tile(np.array([[500, 1000]], np.uint16), (4, 4))
    framed = Framing.of((8, 4), None, (3, 2)).depth(image)
    assert set(framed.ravel().tolist()) <= {500, 1000}
    assert framed.dtype == np.uint16


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_intrinsics_follow_the_pixels(u, v):
    """A point of the whole picture and its place in the result lie on the same ray."""
    framing = Framing.of((640, 480), (80, 40, 400, 300), (100, 150))
    fx, fy, cx, cy = astuple(framing.intrinsics(CameraIntrinsics(600.0, 610.0, 320.0, 240.0)))
    x, y = 80 + u * 399, 40 + v * 299
    new_x, new_y = (x - 80 + 0.5) * 0.25 - 0.5, (y - 40 + 0.5) * 0.5 - 0.5
    assert (new_x - cx) / fx == pytest.approx((x - 320.0) / 600.0)
    assert (new_y - cy) / fy == pytest.approx((y - 240.0) / 610.0)


@pytest.mark.parametrize(
    ("crop", "output", "text"),
    [((-1, 0, 5, 5), None, r"crop_px \(left\) is -1"), (None, (0, 5), r"output_px \(width\) is 0")],
)
def test_an_impossible_box_is_refused(crop, output, text):
    with pytest.raises(ConfigError, match=text):
        require_framing(crop, output)


def test_a_box_beyond_the_picture_is_refused_with_both_sizes():
    with pytest.raises(
        ConfigError, match=r"crop_px is \[600, 0, 100, 100\], which ends at 700 x 100 px; the picture is"
    ):
        Framing.of((640, 480), (600, 0, 100, 100), None)
