"""Ctrl-C, SIGTERM and a closed terminal as an event that loops wait on; a second Ctrl-C ends the process at once."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

log = logging.getLogger(__name__)


class StopSignal:
    """An event that is set by a signal, by the code, or never.

    Safe from any thread. `install` must run in the main thread.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._signalled = False
        self._callbacks: list[Callable[[], None]] = []

    def install(self) -> StopSignal:
        """Sets the event on SIGINT, SIGTERM and SIGHUP, unless that is ignored, as under `nohup`.

        A second SIGINT or SIGTERM exits at once with code 128 + its number.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._on_signal)
        return self

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self._signalled:
            if number == signal.SIGHUP:
                return  # The shell and the kernel may both send one.
            os._exit(128 + number)
        self._signalled = True
        # Waiting threads are woken outside the handler, which may have interrupted one that holds a lock.
        threading.Thread(target=self.set, name="stop", daemon=True).start()

    def set(self) -> None:
        """Asks everything to stop."""
        if not self._event.is_set():
            self._event.set()
            for callback in self._callbacks:
                callback()

    def on_stop(self, callback: Callable[[], None]) -> None:
        """Registers something to wake up when the event is set; called at once if it already is."""
        self._callbacks.append(callback)
        if self._event.is_set():
            callback()

    def is_set(self) -> bool:
        """Whether to stop."""
        return self._event.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Waits for the event.

        Args:
            timeout_s: Longest wait in s.

        Returns:
            Whether to stop.
        """
        return self._event.wait(timeout_s)
