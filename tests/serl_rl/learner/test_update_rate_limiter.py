"""The update-rate limiter: bounds on both sides, and that neither side waits for the other for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serl_rl.learner.update_rate_limiter import UpdateRateLimiter


def make_limiter(**changes):
    values = {"ratio": 2.0, "warm_up_steps": 100, "lead_steps": 10, "tolerance_steps": 3, "max_env_steps": 10_000}
    return UpdateRateLimiter(**{**values, **changes})


def test_nothing_is_learned_during_the_warm_up():
    assert not make_limiter().allows_update(99, 0)
    assert make_limiter().allows_update(100, 0)


@pytest.mark.trap
def test_the_learner_stops_at_its_tolerance():
    assert make_limiter().allows_update(150, 105)
    assert not make_limiter().allows_update(150, 106)


def test_grants_follow_the_updates():
    assert make_limiter().granted_steps(0) == 110
    assert make_limiter().granted_steps(40) == 130
    assert make_limiter().granted_steps(10**9) == 10_000


def test_a_lead_that_would_block_both_sides_is_refused():
    with pytest.raises(ValueError, match="use at least 8"):
        make_limiter(lead_steps=7, ratio=0.5, updates_per_call=4)


@pytest.mark.trap
@given(
    ratio=st.floats(0.1, 20),
    per_call=st.integers(1, 20),
    tolerance=st.integers(0, 50),
    extra=st.integers(0, 50),
    choices=st.lists(st.booleans(), max_size=300),
)
def test_one_side_can_always_go_on_and_both_stay_within_their_bounds(ratio, per_call, tolerance, extra, choices):
    lead = int(per_call / ratio) + 1 + extra
    it = make_limiter(
        ratio=ratio, updates_per_call=per_call, tolerance_steps=tolerance, lead_steps=lead, warm_up_steps=7
    )
    steps = updates = 0
    for prefers_step in choices:
        may_step, may_update = steps < it.granted_steps(updates), it.allows_update(steps, updates)
        assert may_step or may_update
        if may_step and (prefers_step or not may_update):
            steps += 1
        else:
            updates += per_call
        assert updates <= ratio * max(steps - 7 + tolerance, 0) + 1e-6
        assert steps - 7 <= updates / ratio + lead
