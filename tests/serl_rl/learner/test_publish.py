"""The newest policy: latest wins, history, pieces."""

import pytest

from serl_rl.learner.publish import PolicyPublisher, PolicySnapshot


@pytest.mark.trap
def test_a_slow_reader_skips_versions():
    publisher = PolicyPublisher()
    publisher.publish(PolicySnapshot(1, b"1" * 2_500_000, 0))
    watch = publisher.watch(0, lambda: True)
    assert next(watch).snapshot.version == 1
    publisher.publish(PolicySnapshot(2, b"2", 0))
    publisher.publish(PolicySnapshot(3, b"3", 0))
    piece = next(watch)
    assert (piece.snapshot.version, piece.offset) == (3, 0)


def test_an_older_version_is_ignored():
    publisher = PolicyPublisher()
    publisher.publish(PolicySnapshot(5, b"5", 0))
    publisher.publish(PolicySnapshot(4, b"4", 0))
    assert publisher.newest.version == 5


def test_a_recent_version_can_be_found_again():
    publisher = PolicyPublisher()
    for version in range(1, 20):
        publisher.publish(PolicySnapshot(version, b"x" * 10_000_000, 0))
    assert publisher.find(1) is None
    assert publisher.find(17).version == 17


def test_waiting_ends_without_news_after_the_timeout_or_on_close():
    publisher = PolicyPublisher()
    assert publisher.wait_newer(0, 0.01) is None
    publisher.close()
    assert publisher.wait_newer(0, 60.0) is None
    assert list(publisher.watch(0, lambda: True)) == []
