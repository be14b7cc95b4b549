"""Delays every response of the control loop on purpose."""

import threading
import time


class Stall:
    """Blocks callers of `wait_out` while a stall is on.

    A stall ends after a time on the wall clock: in lockstep the cell's own clock stands still meanwhile.
    """

    def __init__(self) -> None:
        self._until_s: float | None = 0.0
        self._changed = threading.Condition()
        self._active = False

    def begin(self, duration_s: float | None) -> None:
        """Stalls for a time, or until `end`."""
        with self._changed:
            self._until_s = None if duration_s is None else time.monotonic() + duration_s
            self._active = True
            self._changed.notify_all()

    def end(self) -> None:
        """Ends the stall."""
        with self._changed:
            self._active = False
            self._changed.notify_all()

    def wait_out(self) -> None:
        """Blocks while stalled."""
        if not self._active:
            return
        with self._changed:
            while self._active:
                remaining = None if self._until_s is None else self._until_s - time.monotonic()
                if remaining is not None and remaining <= 0.0:
                    self._active = False
                else:
                    self._changed.wait(remaining)
