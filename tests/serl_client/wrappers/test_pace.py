import numpy as np
import pytest

from serl_client.wrappers import Pace
from tests.support.clocks import ManualClock

STILL = np.zeros(4, np.float32)


@pytest.fixture
def time():
    return ManualClock(50.0)


@pytest.fixture
def make_paced(make_env, time):
    def make(step_s):
        class Env(make_env):
            def step(self, action):
                time.now += step_s
                return super().step(action)

        return Pace(Env(), 10.0, clock=time, sleep=time.sleep)

    return make


def test_a_fast_environment_is_slowed_to_the_rate(make_paced, time):
    env = make_paced(0.03)
    env.reset()
    for _ in range(20):
        env.step(STILL)
    assert time.now - 50.0 == pytest.approx(2.0)


@pytest.mark.trap
def test_one_that_takes_the_period_by_itself_is_not_waited_for(make_paced, time):
    env = make_paced(0.11)
    env.reset()
    for _ in range(5):
        env.step(STILL)
    assert time.slept == []


def test_after_a_long_step_nothing_is_made_up_for(make_paced, time):
    env = make_paced(0.03)
    env.reset()
    env.step(STILL)
    time.now += 5.0
    env.step(STILL)
    before = time.now
    env.step(STILL)
    assert time.now - before == pytest.approx(0.1)


def test_a_rate_of_zero_is_refused(make_env):
    with pytest.raises(ValueError, match="rate is 0"):
        Pace(make_env(), 0)
