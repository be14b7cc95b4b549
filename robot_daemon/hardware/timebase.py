"""Implements the clock of a cell that runs in real time."""

import time

from serl_api.enums import Pacing


class RealTimebase:
    """Follows the machine's monotonic clock; waiting sleeps."""

    @property
    def pacing(self) -> Pacing:
        """Returns REAL_TIME."""
        return Pacing.REAL_TIME

    def now_ns(self) -> int:
        """Returns the monotonic time, ns."""
        return time.monotonic_ns()

    def wait_until(self, time_ns: int) -> None:
        """Sleeps until a time; returns at once when it has passed."""
        remaining = time_ns - time.monotonic_ns()
        if remaining > 0:
            time.sleep(remaining * 1e-9)
