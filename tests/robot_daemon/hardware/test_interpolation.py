import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from robot_daemon.hardware.interpolation import PERIOD_SHARE, Leg, ahead, way
from serl_api.values import Pose

DOWN = np.array([1.0, 0.0, 0.0, 0.0])
START = Pose(np.array((0.4, 0.0, 0.25)), DOWN)
triples = st.tuples(*[st.floats(-0.5, 0.5)] * 3)
SECOND = 1_000_000_000


def moved(offset, turn):
    turned = Rotation.from_rotvec(turn) * Rotation.from_quat(DOWN)
    return Pose(START.position + offset, turned.as_quat())


@given(triples, triples, st.floats(0.0, 1.0), st.floats(0.01, 0.5))
def test_a_set_point_goes_straight_and_at_constant_speed_until_it_is_there(offset, turn, share, period_s):
    leg = Leg(START, moved(offset, turn), SECOND, period_s)
    now_ns = SECOND + round(share * PERIOD_SHARE * period_s * 1e9)
    np.testing.assert_allclose(way(START, leg.at(now_ns)), share * np.array((*offset, *turn)), atol=1e-6)
    after_ns = SECOND + round(1.2 * period_s * 1e9)
    assert leg.at(after_ns) is leg.goal
    np.testing.assert_array_equal(leg.speed(after_ns), 0.0)


@given(triples, triples)
def test_the_lead_is_where_the_set_point_is_a_time_later(offset, turn):
    leg = Leg(START, moved(offset, turn), 0, 0.2)
    led = ahead(leg.at(SECOND // 20), leg.speed(SECOND // 20), (0.05, 0.05))
    np.testing.assert_allclose(way(START, led), way(START, leg.at(SECOND // 10)), atol=1e-6)


def test_translation_and_rotation_have_leads_of_their_own():
    led = way(START, ahead(START, np.array((1.0, 0.0, 0.0, 0.0, 0.0, 1.0)), (0.01, 0.02)))
    assert led == pytest.approx((0.01, 0.0, 0.0, 0.0, 0.0, 0.02))
