import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from robot_daemon.drivers.realsense.clock import Counter, DeviceClock

FRAME_NS = 33_333_333


@example((1 << 32) - 1, [1])
@given(st.integers(0, (1 << 32) - 1), st.lists(st.integers(1, 1 << 30), max_size=20))
def test_a_counter_goes_on_where_it_wraps(begin, steps):
    counter = Counter()
    count = counter.unwrap_ns(begin)
    for step in steps:
        begin += step
        following = counter.unwrap_ns(begin % (1 << 32))
        assert following - count == step * 1000
        count = following


@settings(max_examples=15, deadline=None)
@given(st.floats(-1e-4, 1e-4), st.integers(-(10**15), 10**15), st.integers(0, 50))
def test_the_line_runs_along_the_earliest_arrivals(drift, begin, seed):
    """Every fifth frame comes without delay, the others up to 40 ms late."""
    late = np.random.default_rng(seed).integers(0, 40_000_000, 2000)
    clock = DeviceClock()
    for n in range(2000):
        true_ns = n * FRAME_NS
        device_ns = begin + round(true_ns / (1.0 + drift))
        clock.add(device_ns, true_ns + (0 if n % 5 == 0 else int(late[n])))
        if n > 400:  # Drift is taken out once ten seconds have shown it.
            assert abs(clock.earliest_ns(device_ns) - true_ns) < 300_000
    assert abs(clock.slope - drift) < 1e-5


def test_a_host_that_stalls_does_not_bend_the_line():
    clock = DeviceClock()
    for n in range(900):
        delay = 700_000_000 if 500 < n < 560 else 5_000_000
        clock.add(n * FRAME_NS, n * FRAME_NS + delay)
        assert clock.earliest_ns(n * FRAME_NS) == n * FRAME_NS + 5_000_000


def test_a_lasting_delay_is_followed_once_the_window_has_passed():
    clock = DeviceClock()
    for n in range(3000):
        clock.add(n * FRAME_NS, n * FRAME_NS + (5_000_000 if n < 300 else 9_000_000))
    assert abs(clock.earliest_ns(3000 * FRAME_NS) - 3000 * FRAME_NS - 9_000_000) < 100_000
