"""A process that stamps the clock every millisecond: where its stamps are far apart, the machine stood still.

A process of its own, because a thread would also be held up by what this interpreter does, and slowness of its own
excuses no test. It does next to nothing, so that it is late only where all are: others took the cores, or the
host has stopped them.
"""

import os
import subprocess
import sys
import time
from typing import NamedTuple

import numpy as np

TICK_S = 0.001
STAMP = """
import os, sys, time
file, parent, tick_s = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
while os.getppid() == parent:
    os.write(file, time.monotonic_ns().to_bytes(8, "little"))
    time.sleep(tick_s)
"""


class Stall(NamedTuple):
    """How the machine served everybody during an interval."""

    longest_s: float
    """Longest time between two stamps."""
    late_s: float
    """By how much stamps were late, all together."""
    interval_s: float


class Canary:
    """Starts the process that stamps; ended by `close`."""

    def __init__(self):
        self._file = os.memfd_create("canary")
        command = [sys.executable, "-I", "-S", "-c", STAMP, str(self._file), str(os.getpid()), str(TICK_S)]
        self._process = subprocess.Popen(command, pass_fds=[self._file])
        self._await_stamp(time.monotonic_ns())

    @property
    def pid(self):
        """The process that stamps."""
        return self._process.pid

    def stall(self, start_ns, end_ns):
        """What gaps overlap an interval of `time.monotonic_ns`."""
        self._await_stamp(end_ns)
        stamps = np.frombuffer(os.pread(self._file, self._size(), 0), np.int64)
        first = max(int(np.searchsorted(stamps, start_ns)) - 1, 0)
        last = int(np.searchsorted(stamps, end_ns)) + 1
        gaps = np.diff(stamps[first:last]) * 1e-9
        late = np.maximum(gaps - 2 * TICK_S, 0.0)
        return Stall(float(gaps.max(initial=0.0)), float(late.sum()), (end_ns - start_ns) * 1e-9)

    def close(self):
        """Ends the process."""
        self._process.kill()
        self._process.wait()
        os.close(self._file)

    def _size(self):
        return os.fstat(self._file).st_size // 8 * 8

    def _await_stamp(self, after_ns):
        """Waits for a stamp later than a time: until then nobody knows whether the machine stands still."""
        deadline = time.monotonic() + 20.0
        while not (size := self._size()) or int.from_bytes(os.pread(self._file, 8, size - 8), "little") <= after_ns:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the canary does not stamp the clock")
            time.sleep(TICK_S)
