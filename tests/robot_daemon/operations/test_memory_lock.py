"""Locked memory of a process of its own, as the kernel says it."""

import resource
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from robot_daemon.operations.memory_lock import lock_memory
if sys.argv[1] == "bounded":
    import os
    os.geteuid = lambda: 1000
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (1 << 20, 1 << 20))
said = lock_memory()
block = bytearray(8 << 20)
locked = next(line for line in open("/proc/self/status") if line.startswith("VmLck")).split()[1]
print(said, int(locked) > 8 << 10)
"""


def run(kind):
    done = subprocess.run([sys.executable, "-c", PROGRAM, kind], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def test_memory_is_locked_where_there_is_no_bound():
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] != resource.RLIM_INFINITY and run("free") == "False False":
        pytest.skip("this account may not lock memory without a bound")
    assert run("free") == "True True"


def test_memory_is_left_alone_where_there_is_one():
    assert run("bounded") == "False False"
