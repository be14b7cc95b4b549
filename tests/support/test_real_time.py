"""A failure is repeated where the machine stood still, said so, and never hidden on a healthy machine."""

import os
import signal
import threading
import time

import pytest

from tests.support import real_time
from tests.support.canary import Canary, Stall

pytest_plugins = ["pytester"]

HEALTHY = Stall(longest_s=0.002, late_s=0.0, interval_s=1.0)
STALLED = Stall(longest_s=0.04, late_s=0.05, interval_s=1.0)

RED_TWICE = """
import pytest
runs = []

@pytest.fixture
def fresh():
    return []

@pytest.mark.real_time
def test_clock(fresh):
    fresh.append(1)
    runs.append(1)
    assert len(fresh) == 1
    assert len(runs) == 3

def test_logic():
    runs.append(1)
    assert len(runs) == 5
"""


class ScriptedCanary:
    """Tells of the stalls that a test names, the last one for ever."""

    def __init__(self, *stalls):
        self.stalls = list(stalls)

    def stall(self, start_ns, end_ns):
        assert end_ns >= start_ns
        return self.stalls.pop(0) if len(self.stalls) > 1 else self.stalls[0]

    def close(self):
        pass


@pytest.fixture
def judge(pytester, monkeypatch):
    """Runs tests before a canary that tells of these stalls."""

    def run(text, *stalls):
        monkeypatch.setattr(real_time, "Canary", lambda: ScriptedCanary(*stalls))
        pytester.makepyfile(text)
        return pytester.runpytest_inprocess("-p", "tests.support.real_time")

    return run


def test_a_test_is_repeated_while_the_machine_stands_still_and_the_summary_says_so(judge):
    result = judge(RED_TWICE.split("def test_logic")[0], STALLED)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["*held up by the machine*", "*::test_clock repeated 2 times because the machine stood still for up to 40 ms*"]
    )


def test_a_fixture_of_many_tests_that_failed_is_set_up_again(judge):
    text = """
        import pytest
        runs = []

        @pytest.fixture(scope="session")
        def cell():
            runs.append(1)
            assert len(runs) == 2

        @pytest.mark.real_time
        def test_one(cell): pass

        @pytest.mark.real_time
        def test_two(cell): assert len(runs) == 2
    """
    judge(text, STALLED).assert_outcomes(passed=2)


def test_a_failure_on_a_healthy_machine_stays_a_failure(judge):
    result = judge(RED_TWICE, HEALTHY)
    result.assert_outcomes(failed=2)
    assert "repeated" not in result.stdout.str()


def test_what_does_not_live_by_the_clock_is_never_repeated(judge):
    judge(RED_TWICE, STALLED).assert_outcomes(passed=1, failed=1)


def test_a_failure_that_outlives_every_repetition_is_one(judge):
    result = judge("import pytest\n@pytest.mark.real_time\ndef test_clock(): assert 1 == 2", STALLED)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*repeated {real_time.ATTEMPTS - 1} times*"])


def test_a_machine_that_recovers_does_not_excuse_the_next_failure(judge):
    result = judge(RED_TWICE, STALLED, HEALTHY)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*repeated once*"])


@pytest.mark.parametrize(
    ("stall", "excuses"),
    [
        (HEALTHY, False),
        (Stall(longest_s=0.011, late_s=0.009, interval_s=60.0), True),
        (Stall(longest_s=0.006, late_s=0.15, interval_s=1.0), True),
        (Stall(longest_s=0.006, late_s=0.05, interval_s=1.0), False),
    ],
)
def test_a_long_gap_or_many_short_ones_are_a_machine_that_stood_still(stall, excuses):
    assert real_time.is_inconclusive(stall) is excuses


@pytest.fixture
def canary():
    made = Canary()
    yield made
    made.close()


def test_the_canary_sees_that_it_was_stopped(canary):
    before = time.monotonic_ns()
    os.kill(canary.pid, signal.SIGSTOP)
    time.sleep(0.2)  # The stall itself, not a wait for something.
    os.kill(canary.pid, signal.SIGCONT)
    stall = canary.stall(before, time.monotonic_ns())
    assert stall.longest_s > 0.15
    assert stall.late_s > 0.15
    assert canary.stall(before - 2 * 10**9, before - 10**9).longest_s == 0.0


def test_a_stall_that_still_lasts_counts(canary):
    before = time.monotonic_ns()
    os.kill(canary.pid, signal.SIGSTOP)
    time.sleep(0.1)
    end = time.monotonic_ns()
    threading.Timer(0.05, os.kill, (canary.pid, signal.SIGCONT)).start()
    assert canary.stall(before, end).longest_s >= 0.1
