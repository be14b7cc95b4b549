"""Keeps the daemon's memory from being swapped out, where this is allowed without a bound."""

import ctypes
import logging
import os
import resource

logger = logging.getLogger(__name__)

_CURRENT, _FUTURE, _ON_FAULT = 1, 2, 4
"""Flags of mlockall(2). Pages are locked once they are touched: the whole stacks of 70 threads would fill 500 MB."""


def lock_memory() -> bool:
    """Locks what the process has and will have in memory; returns whether it is.

    Left alone where the limit of locked memory is bounded: beyond it the system would refuse every new piece.
    """
    is_free = os.geteuid() == 0 or resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY
    if not is_free:
        return False
    if ctypes.CDLL(None, use_errno=True).mlockall(_CURRENT | _FUTURE | _ON_FAULT) != 0:
        logger.info("memory is not locked: %s", os.strerror(ctypes.get_errno()))
        return False
    return True
