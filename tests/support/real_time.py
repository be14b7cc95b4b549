"""A pytest plugin that repeats tests in real time that failed while the machine stood still, and says so.

Tests marked `real_time` live by the clock of the machine. Where one fails, the canary (canary.py) is asked how the
machine served everybody meanwhile. If it stood still, the result says nothing about the product: the test runs again,
with fresh fixtures, and the summary at the end counts it. A failure on a healthy machine is a failure at once, so is
one that outlives every repetition.
"""

import time

import pytest
from _pytest.runner import runtestprotocol

from tests.support.canary import Canary

STOOD_STILL_S = 0.01
"""A gap this long between stamps a millisecond apart is half a control period of the tests."""
SHARE_LATE = 0.1
"""Many short gaps are as bad: a control loop at 1 kHz then misses a tenth of its cycles."""
ATTEMPTS = 4


def pytest_configure(config):
    """Registers the plugin, with its marker."""
    config.addinivalue_line("markers", "real_time: lives by the clock; repeated where the machine stood still.")
    config.pluginmanager.register(RealTimeTests(config), "real-time tests")


class RealTimeTests:
    """Runs the tests in real time of this process, and tells of those of every process."""

    def __init__(self, config):
        self._config = config
        self._canary = None
        self._limits = None
        self._repeated = {}

    @pytest.hookimpl(tryfirst=True, optionalhook=True)
    def pytest_timeout_set_timer(self, item, settings):
        """Remembers the time limit, to give it to every attempt anew."""
        self._limits = settings

    @pytest.hookimpl
    def pytest_runtest_protocol(self, item, nextitem):
        """Runs a test in real time until the machine lets it be judged."""
        if item.get_closest_marker("real_time") is None:
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        stalls = []
        reports, stall = self._attempt(item, nextitem)
        while stall is not None and len(stalls) < ATTEMPTS - 1:
            stalls.append(stall)
            self._restart_timer(item)
            if reports[0].failed:  # A fixture of many tests remembers that it failed, until it is torn down.
                item.session._setupstate.teardown_exact(None)
            reports, stall = self._attempt(item, nextitem)
        for report in reports:
            if stalls and report.when == "teardown":
                report.user_properties.append(("repeated", describe(stalls)))
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def pytest_runtest_logreport(self, report):
        """Collects, also from the workers of xdist, what was repeated."""
        for name, text in report.user_properties:
            if name == "repeated":
                self._repeated[report.nodeid] = text

    def pytest_terminal_summary(self, terminalreporter):
        """Says what was repeated, and why."""
        if self._repeated:
            terminalreporter.section("held up by the machine")
            for test, text in sorted(self._repeated.items()):
                terminalreporter.write_line(f"{test} {text}")

    def pytest_unconfigure(self):
        """Ends the canary."""
        if self._canary is not None:
            self._canary.close()

    def _attempt(self, item, nextitem):
        """The reports of one run, and how the machine stood still if it did and the test failed."""
        if self._canary is None:
            self._canary = Canary()
        start_ns = time.monotonic_ns()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        if not any(report.failed for report in reports):
            return reports, None
        stall = self._canary.stall(start_ns, time.monotonic_ns())
        return reports, stall if is_inconclusive(stall) else None

    def _restart_timer(self, item):
        if self._limits is not None:
            self._config.hook.pytest_timeout_cancel_timer(item=item)
            self._config.hook.pytest_timeout_set_timer(item=item, settings=self._limits)


def is_inconclusive(stall):
    """Whether the machine stood still for longer than a test in real time can bear."""
    return stall.longest_s >= STOOD_STILL_S or stall.late_s >= SHARE_LATE * stall.interval_s


def describe(stalls):
    """What the summary says of a test that was repeated."""
    longest = 1e3 * max(stall.longest_s for stall in stalls)
    late = 1e3 * sum(stall.late_s for stall in stalls)
    interval = sum(stall.interval_s for stall in stalls)
    times = "once" if len(stalls) == 1 else f"{len(stalls)} times"
    return (
        f"repeated {times} because the machine stood still for up to {longest:.0f} ms"
        f" ({late:.0f} ms in all of {interval:.1f} s)"
    )
