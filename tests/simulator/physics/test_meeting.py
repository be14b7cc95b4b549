import threading

import pytest

from simulator.physics.meeting import Meeting
from tests.support.waiting import wait_until


class Clock:
    """Time that passes as it is told to, and notes to where."""

    def __init__(self):
        self.now, self.stops = 0, []

    def advance(self, time_ns):
        self.now = max(self.now, time_ns)
        self.stops.append(time_ns)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def busy():
    return {"left": True, "right": True}


@pytest.fixture
def meeting(clock, busy):
    made = Meeting(lambda: clock.now)
    for side in busy:
        made.join(side, lambda side=side: busy[side])
    return made


@pytest.fixture
def begin(meeting, clock):
    def start(side, time_ns):
        thread = threading.Thread(target=meeting.wait_until, args=(side, time_ns, clock.advance), daemon=True)
        thread.start()
        return thread

    return start


def test_time_passes_when_both_wait_whoever_comes_first(begin, clock):
    for round_, (first, second) in enumerate([("left", "right"), ("right", "left")]):
        waiting = begin(first, 100 * (round_ + 1))
        waiting.join(0.02)
        assert waiting.is_alive()
        assert clock.now == 100 * round_
        begin(second, 100 * (round_ + 1)).join(5.0)
        waiting.join(5.0)
        assert clock.now == 100 * (round_ + 1)
    assert clock.stops == [100, 200]


@pytest.mark.parametrize("sides", [("left", "right"), ("right", "left")])
def test_it_passes_to_the_earlier_instant_and_waits_there(begin, clock, sides):
    goals = {"left": 100, "right": 40}
    threads = {}
    for side in sides:
        threads[side] = begin(side, goals[side])
        threads[side].join(0.02)
    late, early = threads["left"], threads["right"]
    early.join(5.0)
    late.join(0.02)
    assert (clock.now, late.is_alive()) == (40, True)
    begin("right", 100).join(5.0)
    late.join(5.0)
    assert clock.stops == [40, 100]


def test_a_cell_without_a_session_holds_nobody_up(begin, busy, clock):
    busy["right"] = False
    begin("left", 100).join(5.0)
    assert clock.now == 100


def test_a_session_that_ends_holds_nobody_up_any_longer(begin, busy, clock):
    waiting = begin("left", 100)
    busy["right"] = False
    wait_until(lambda: not waiting.is_alive())
    assert clock.now == 100
