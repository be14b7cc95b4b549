"""Turns Ctrl-C, SIGTERM and a closed terminal into an event: the first asks, the next hurries, another ends at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self


class StopSignal:
    """Holds an event that is set by a signal, by the code, or never.

    Safe from any thread. `install` must run in the main thread, or the context begin there, which puts the former
    handlers back at its end.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._signals = 0
        self._callbacks: list[Callable[[], None]] = []
        self._hurry: Callable[[], None] | None = None
        self._former: dict[int, Any] = {}

    def install(self) -> Self:
        """Sets the event on SIGINT, SIGTERM and SIGHUP, unless that is ignored, as under `nohup`.

        A later SIGINT or SIGTERM calls what `on_hurry` was given; one more, or the second where nothing can be hurried,
        exits at once with code 128 + its number.
        """
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        self._former = {number: signal.signal(number, self._on_signal) for number in numbers}
        return self

    def __enter__(self) -> Self:
        return self.install()

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP and self._signals:
            return  # The shell and the kernel may both send one.
        self._signals += 1
        wake = self.set if self._signals == 1 else self._hurry
        if wake is None or self._signals > 2:
            os._exit(128 + number)
        # Waiting threads are woken outside the handler, which may have interrupted one that holds a lock.
        threading.Thread(target=wake, name="stop", daemon=True).start()

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

    def on_hurry(self, callback: Callable[[], None]) -> None:
        """Has a second signal call this, instead of ending the process."""
        self._hurry = callback

    def is_set(self) -> bool:
        """Returns whether to stop."""
        return self._event.is_set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Waits for the event, at most `timeout_s` or for ever; returns whether to stop."""
        return self._event.wait(timeout_s)
