import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serl_api.keep_out import KeepOut

BOX = KeepOut(lower=(-0.5, -0.3, -1.0), upper=(0.5, 0.3, 0.4))
points = st.tuples(*[st.integers(-12, 12).map(lambda tenths: tenths / 10)] * 3).map(np.array)


def is_inside(point):
    return bool(((point > BOX.lower) & (point < BOX.upper)).all())


@given(points, points)
def test_no_way_ends_inside_and_none_from_outside_crosses_it(start, goal):
    stopped = BOX.stop(start, goal)
    assert not is_inside(stopped)
    if not is_inside(start):
        way = start + np.linspace(0.0, 1.0, 101)[:, None] * (stopped - start)
        assert not any(is_inside(np.round(point, 9)) for point in way)


@given(points, points)
def test_a_way_beside_it_is_left_as_it_is_and_any_other_slides_along_one_face(start, goal):
    stopped = BOX.stop(start, goal)
    is_below = (start <= BOX.lower) & (goal <= BOX.lower)
    is_above = (start >= BOX.upper) & (goal >= BOX.upper)
    assert (stopped != goal).sum() <= int(not (is_below | is_above).any())


@pytest.mark.parametrize(
    ("start", "goal", "stopped"),
    [
        ((0.0, 0.35, 0.1), (0.1, 0.2, 0.2), (0.1, 0.3, 0.2)),  # Against a side, and up along it.
        ((0.0, 0.2, 0.45), (0.1, 0.1, 0.3), (0.1, 0.1, 0.4)),  # Down on it.
        ((0.0, 0.31, 0.3), (0.0, 0.2, 0.45), (0.0, 0.3, 0.45)),  # Over its edge: up first.
        ((0.0, 0.29, 0.1), (0.1, 0.0, 0.35), (0.1, 0.3, 0.35)),  # Pushed in: out by the face nearest to it.
        ((0.0, -0.29, 0.1), (0.0, -0.5, 0.1), (0.0, -0.5, 0.1)),  # On the way out.
    ],
)
def test_ways_by_hand(start, goal, stopped):
    np.testing.assert_allclose(BOX.stop(np.array(start), np.array(goal)), stopped)


def test_a_box_without_an_inside_is_refused():
    with pytest.raises(ValueError, match="must be below"):
        KeepOut(lower=(0.0, 0.0, 0.0), upper=(1.0, 0.0, 1.0))
