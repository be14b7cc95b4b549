import io

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from simulator.virtual.realsense import draw_pattern, read_number


@settings(deadline=None)
@given(st.integers(0, 65535), st.integers(16, 200), st.integers(16, 200))
def test_a_frame_says_its_number_at_any_size(number, width, height):
    colour, depth = draw_pattern(number, 320, 240)
    assert read_number(colour) == number
    assert read_number(cv2.resize(colour, (width, height), interpolation=cv2.INTER_AREA)) == number
    assert depth.shape == (240, 320)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 65535))
def test_a_frame_says_its_number_through_jpeg(number):
    buffer = io.BytesIO()
    Image.fromarray(draw_pattern(number, 128, 128)[0]).save(buffer, "JPEG", quality=80)
    assert read_number(np.asarray(Image.open(buffer))) == number


def test_the_bar_moves_and_is_near():
    first, second = (draw_pattern(number, 320, 240)[1] for number in (1, 2))
    assert set(np.unique(first)) == {500, 1000}
    assert not np.array_equal(first, second)
