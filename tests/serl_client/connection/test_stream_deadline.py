import threading

import pytest

from serl_client.connection.stream_deadline import StreamDeadline

pytestmark = pytest.mark.real_time


@pytest.fixture
def cancelled():
    return threading.Event()


@pytest.fixture
def watch(cancelled):
    made = StreamDeadline(cancelled.set)
    yield made
    made.close()


def test_a_wait_that_is_too_long_is_cancelled(watch, cancelled):
    with watch.limit(0.01):
        assert cancelled.wait(20.0)
    assert watch.has_fired


def test_time_between_waits_does_not_count(watch, cancelled):
    with watch.limit(0.05):
        pass
    assert not cancelled.wait(0.3)
    assert not watch.has_fired


def test_a_closed_watch_cancels_nothing(watch, cancelled):
    watch.close()
    with watch.limit(0.0):
        assert not cancelled.wait(0.3)
