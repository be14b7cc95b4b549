"""Asks the kernel for short timers, and for real-time priority where it is allowed."""

import ctypes
import logging
import os

logger = logging.getLogger(__name__)

AUTOMATIC_PRIORITY = 50
"""Below libfranka's 99: where both share a machine, a client's short work goes first."""

_PR_SET_TIMERSLACK = 29


def wake_precisely() -> None:
    """Lets this thread's sleeps end when they should: the default is up to 50 us later. Linux only."""
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)


def raise_priority(priority: int | None) -> None:
    """Gives this process a real-time priority (SCHED_FIFO), which busy neighbours cannot delay.

    Args:
        priority: 1 to 99; 0 changes nothing; None takes `AUTOMATIC_PRIORITY` if that is allowed.

    Raises:
        PermissionError: The right to a chosen priority is missing; the text says how to get it.
    """
    if priority == 0:
        return
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority or AUTOMATIC_PRIORITY))
    except PermissionError:
        if priority is None:
            logger.info("no right to real-time priority (ulimit -r): a busy machine will delay this arm")
            return
        text = f"real-time priority {priority} is not allowed; raise RLIMIT_RTPRIO (ulimit -r) or choose --priority 0"
        raise PermissionError(text) from None
