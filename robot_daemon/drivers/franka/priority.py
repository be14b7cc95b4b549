"""Keeps real-time priority to the threads that need it.

libfranka gives it to the thread that connects, and franky's control thread inherits that of the thread which starts a
motion. Python itself must not run at it, or it starves the rest of the machine.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)

HIGHEST = 99
_REAL_TIME = (os.SCHED_FIFO, os.SCHED_RR)


@contextmanager
def restored() -> Iterator[None]:
    """Puts this thread back to normal priority where the body gave it real-time priority."""
    try:
        yield
    finally:
        if os.sched_getscheduler(0) in _REAL_TIME:  # Others may not be left without rights, SCHED_IDLE for one.
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


@contextmanager
def inherited(realtime: str) -> Iterator[None]:
    """Gives threads that the body makes real-time priority, as `FrankaOptions.realtime` says.

    Raises:
        PermissionError: "enforce", and this user may not have it.
    """
    if realtime == "ignore":
        yield
        return
    with restored():
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(HIGHEST))
        except PermissionError:
            if realtime == "enforce":
                raise
            logger.debug("no right to real-time priority: the control thread has none")
        yield
