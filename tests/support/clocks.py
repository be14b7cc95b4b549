"""Time that stands still until a test moves it."""

from serl_api.enums import Pacing


class ManualClock:
    """A clock in seconds: called, it tells the time; sleeping moves it."""

    def __init__(self, now=0.0):
        self.now = now
        self.slept = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        """Lets the time pass at once."""
        self.slept.append(seconds)
        self.now += seconds


class ManualTimebase:
    """A clock in whole nanoseconds, as a daemon reads it."""

    pacing = Pacing.REAL_TIME

    def __init__(self, time_ns=0):
        self.time_ns = time_ns

    def __call__(self):
        return self.time_ns

    def now_ns(self):
        """The time, ns."""
        return self.time_ns
