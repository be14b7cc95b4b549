"""Waits for what another thread or process does; the only such wait in the tests."""

import threading
import time

PATIENCE_S = 20.0
"""Longer than a healthy product takes on a busy machine: who waits that long has found a fault, not a slow computer."""


def wait_until(condition, timeout_s=PATIENCE_S, *, pause_s=0.002, explain=str):
    """Asks until the condition holds, and returns what it answered; `explain` adds why it may not have."""
    pause, deadline = threading.Event(), time.monotonic() + timeout_s
    while not (answer := condition()):
        if time.monotonic() >= deadline:
            raise AssertionError(
                f"it did not happen within {timeout_s:g} s; the last answer was {answer!r} {explain()}"
            )
        pause.wait(pause_s)
    return answer
