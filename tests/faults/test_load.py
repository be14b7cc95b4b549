"""A daemon under load holds as much after many sessions as after a few."""

from tests.faults.load import simulated_hours

WARM_MB = 3.0
"""What allocators take for good in a few seconds."""
WARM_THREADS = 4
"""Pools of workers fill one by one up to their bounds."""


def test_sessions_leave_nothing_behind():
    figures = simulated_hours(0.5, steps=200)  # 18 of them.
    assert figures.after.threads <= figures.before.threads + WARM_THREADS
    assert figures.after.descriptors <= figures.before.descriptors + 1
    assert figures.after.rss_mb <= figures.before.rss_mb + WARM_MB
