"""What is said of a step response, against responses whose figures are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_daemon.operations.first_hour.stepping import step_response

TIMES_S = np.arange(0.0, 3.0, 0.001)


@given(constant_s=st.floats(0.02, 0.3), step_m=st.floats(0.001, 0.1), gain=st.floats(0.95, 1.0))
def test_a_first_order_lag_is_found_again(constant_s, step_m, gain):
    way = gain * step_m * (1.0 - np.exp(-TIMES_S / constant_s))
    found = step_response(TIMES_S, way, step_m)
    assert found.lag_s == pytest.approx(-constant_s * np.log(1.0 - (1.0 - np.exp(-1.0)) / gain), abs=0.002)
    assert found.rise_s == pytest.approx(constant_s * np.log((1.0 - 0.1 / gain) / (1.0 - 0.9 / gain)), abs=0.003)
    assert found.overshoot_ratio == 0.0
    assert found.error_m == pytest.approx((1.0 - gain) * step_m, abs=1e-3 * step_m)


def test_overshoot_is_a_share_of_the_step():
    way = 0.01 * (1.0 + 0.2 * np.exp(-TIMES_S) * np.sin(10.0 * TIMES_S) - np.exp(-20.0 * TIMES_S))
    assert step_response(TIMES_S, way, 0.01).overshoot_ratio == pytest.approx(way.max() / 0.01 - 1.0)


def test_an_arm_that_does_not_move_never_arrives():
    found = step_response(TIMES_S, np.zeros_like(TIMES_S), 0.01)
    assert (found.lag_s, found.rise_s) == (np.inf, np.inf)
    assert found.error_m == pytest.approx(0.01)
