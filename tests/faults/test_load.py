"""A daemon under load holds as much after many sessions as after a few."""

from tests.faults.load import simulated_hours

WARM_MB = 3.0
"""What allocators take for good in a few seconds."""


def test_sessions_leave_nothing_behind():
    figures = simulated_hours(1.0, steps=200)
    assert figures.after.threads <= figures.before.threads
    assert figures.after.descriptors <= figures.before.descriptors
    assert figures.after.rss_mb <= figures.before.rss_mb + WARM_MB
