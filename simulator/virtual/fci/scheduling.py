"""What the loop asks of the kernel: short timers, and real-time priority where somebody wants it."""

import ctypes
import os

_PR_SET_TIMERSLACK = 29


def wake_precisely() -> None:
    """Lets this thread's sleeps end when they should: the default is up to 50 us later. Linux only."""
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)


def raise_priority(priority: int) -> None:
    """Gives this process a real-time priority (SCHED_FIFO), which busy neighbours cannot delay.

    Args:
        priority: 1 to 99.

    Raises:
        PermissionError: The right is missing; the text says how to get it.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except PermissionError:
        text = f"real-time priority {priority} is not allowed; raise RLIMIT_RTPRIO (ulimit -r) or leave out --priority"
        raise PermissionError(text) from None
