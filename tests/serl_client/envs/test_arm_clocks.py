from types import SimpleNamespace

import pytest

from serl_api.enums import Pacing
from serl_client.connection.clock import ClockOffset
from serl_client.envs.arm_clocks import ArmClocks
from serl_client.errors import ClockError

MS = 1_000_000


class Client:
    """A daemon's clock, some time ahead of the client's."""

    def __init__(self, ahead_ms, round_trip_ms=1, pacing=Pacing.REAL_TIME):
        self.info = SimpleNamespace(boot_id="a", pacing=pacing)
        self.ahead_ms, self.round_trip_ms = ahead_ms, round_trip_ms

    def sync_time(self):
        return ClockOffset(offset_ns=self.ahead_ms * MS, round_trip_ns=self.round_trip_ms * MS)


def seen(left_ms, right_ms):
    return [SimpleNamespace(reference_time_ns=time_ms * MS) for time_ms in (left_ms, right_ms)]


@pytest.fixture
def time_ms():
    return [0]


@pytest.fixture
def make(time_ms):
    def build(left, right):
        return ArmClocks([left, right], now_ns=lambda: time_ms[0] * MS)

    return build


def test_the_skew_is_between_instants_of_the_clients_clock(make):
    clocks = make(Client(5000, round_trip_ms=2), Client(-70, round_trip_ms=4))
    clocks.begin_episode(seen(5000, -70))
    assert clocks.skew_ns(seen(5103, 30)) == 3 * MS
    assert clocks.uncertainty_ns == 3 * MS


def test_in_lockstep_times_count_from_the_episodes_beginning(make):
    clocks = make(*(Client(0, pacing=Pacing.LOCKSTEP) for _ in range(2)))
    clocks.begin_episode(seen(900, 40))
    assert clocks.skew_ns(seen(1000, 140)) == 0
    assert clocks.corrections_s(50 * MS, 0.025) == (0.0, 0.0)


def test_the_arm_that_is_ahead_waits_for_the_other(make):
    clocks = make(Client(0), Client(0))
    clocks.begin_episode(seen(0, 0))
    assert clocks.corrections_s(10 * MS, 0.025) == (0.0, 0.01)
    assert clocks.corrections_s(-10 * MS, 0.025) == (0.01, 0.0)
    assert clocks.corrections_s(-90 * MS, 0.025) == (0.025, 0.0)
    assert clocks.corrections_s(2 * MS, 0.025) == (0.0, 0.0), "no better known than that"


@pytest.mark.parametrize(("moved_ms", "is_refused"), [(9, False), (35, True), (-35, True)])
def test_a_clock_that_jumps_is_refused_once(make, time_ms, moved_ms, is_refused):
    right = Client(100)
    clocks = make(Client(0), right)
    clocks.begin_episode(seen(0, 100))
    time_ms[0], right.ahead_ms = 10_000, 100 + moved_ms
    if is_refused:
        with pytest.raises(ClockError, match=r"the right arm's daemon moved by 35\.0 ms .* in 10\.0 s"):
            clocks.begin_episode(seen(0, 0))
    clocks.begin_episode(seen(0, 0))


def test_a_daemon_that_started_anew_may_have_another_clock(make):
    right = Client(100)
    clocks = make(Client(0), right)
    clocks.begin_episode(seen(0, 100))
    right.ahead_ms, right.info.boot_id = -9000, "b"
    clocks.begin_episode(seen(0, -9000))
    assert clocks.skew_ns(seen(100, -8900)) == 0
