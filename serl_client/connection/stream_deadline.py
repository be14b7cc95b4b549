"""Bounds the wait for the next answer of a stream, which gRPC itself cannot."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

_CHECK_S = 0.1


class StreamDeadline:
    """Cancels a stream when an answer takes too long, at a cost of two attribute writes an answer.

    One thread looks at a deadline ten times a second, so that the wait itself needs neither a timer nor a lock.

    Args:
        cancel: Ends the stream; called once, from the watch's thread.
    """

    def __init__(self, cancel: Callable[[], object]) -> None:
        self._cancel = cancel
        self._deadline_s = math.inf
        self._closed = threading.Event()
        self.has_fired = False
        threading.Thread(target=self._run, name="silence-watch", daemon=True).start()

    def limit(self, timeout_s: float) -> StreamDeadline:
        """Starts a wait; use as a context manager."""
        self._deadline_s = time.monotonic() + timeout_s
        return self

    def close(self) -> None:
        """Ends the watch."""
        self._closed.set()

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_exception: object) -> None:
        self._deadline_s = math.inf

    def _run(self) -> None:
        while not self._closed.wait(_CHECK_S):
            if time.monotonic() > self._deadline_s:
                self.has_fired = True
                self._cancel()
                return
