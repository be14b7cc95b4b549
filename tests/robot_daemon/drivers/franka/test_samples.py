import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_daemon.drivers.franka.samples import MessageClock

MS = 1_000_000


def feed(clock, delays_us, *, offset_ns=5_000_000_000, first=0, drift=0.0):
    """Messages a millisecond apart; returns how much later each was said to be sent than it was, ns."""
    errors = []
    for number, delay_us in enumerate(delays_us, start=first):
        sent_ns = round(number * MS * (1.0 + drift)) + offset_ns
        errors.append(clock.arrived(number * MS, sent_ns + delay_us * 1000) - sent_ns)
    return errors


@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=200))
def test_no_message_was_sent_after_it_arrived_or_before_the_truth(delays):
    for error, delay in zip(feed(MessageClock(), delays), delays, strict=True):
        assert 0 <= error <= delay * 1000


def test_one_punctual_message_makes_late_ones_exact():
    errors = feed(MessageClock(), [1900, 300, 1500, 1700, 900])
    assert errors == [1_900_000, 300_000, 300_000, 300_000, 300_000]


@pytest.mark.parametrize("drift", [-1e-4, 1e-4])
def test_a_clock_that_drifts_is_followed(drift):
    errors = feed(MessageClock(), [200 + 37 * number % 1000 for number in range(20_000)], drift=drift)
    assert max(map(abs, errors[1000:])) < 200_000 + 250_000  # Two windows of a second drift by 0.2 ms.


def test_a_clock_that_was_set_forward_is_taken_up_within_some_messages():
    clock = MessageClock()
    feed(clock, [200] * 100)
    errors = feed(clock, [200] * 100, offset_ns=5_400_000_000, first=100)
    assert errors[0] == -399_800_000  # At first it looks like a message that came 0.4 s late.
    assert errors[-1] == 200_000


def test_an_arm_that_starts_anew_is_taken_up_at_once():
    clock = MessageClock()
    feed(clock, [200] * 10, first=50_000)
    assert feed(clock, [300], offset_ns=77_000_000_000) == [300_000]
