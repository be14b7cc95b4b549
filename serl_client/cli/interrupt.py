"""Makes Ctrl-C end a command: by KeyboardInterrupt, or by leaving the process if that leads nowhere."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from types import FrameType

GRACE_S = 3.0
"""Time to close a session after Ctrl-C. The end of the process closes it too."""

INTERRUPTED = "interrupted; the arm holds once the daemon notices, within two seconds"
"""What a person is told, who may have lost the network as well."""


@contextlib.contextmanager
def certain_interrupt(grace_s: float = GRACE_S, signals: Sequence[signal.Signals] = (signal.SIGINT,)) -> Iterator[None]:
    """Lets Ctrl-C raise KeyboardInterrupt, and ends the process with 0 if that has led nowhere after a while.

    Python raises in the middle of whatever the main thread does. In a lock of gRPC's that can be swallowed or hang, and
    a move must not go on because of it.

    Args:
        grace_s: How long to wait, s.
        signals: Which ones count as Ctrl-C.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    timers: list[threading.Timer] = []

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if not timers:
            timers.append(threading.Timer(grace_s, _leave))
            timers[0].daemon = True
            timers[0].start()
        raise KeyboardInterrupt

    former = {number: signal.signal(number, on_signal) for number in signals}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        for timer in timers:
            timer.cancel()


def _leave() -> None:
    sys.stderr.write(f"{INTERRUPTED}\n")
    sys.stderr.flush()
    os._exit(0)
