"""The virtual arm as a child: it ends with its parent, and cleans up after it."""

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from serl_api.lifetime.child_process import ProcessError
from simulator.virtual.fci.process import VirtualFciProcess
from tests.support.waiting import wait_until

PARENT = """
import signal
from simulator.virtual.fci.process import VirtualFciProcess
arm = VirtualFciProcess(priority=0)
arm.start()
print(arm.pid, arm.control_path.parent, flush=True)
signal.pause()
"""


def test_it_ends_with_a_parent_that_is_killed():
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        pid, folder = parent.stdout.readline().split()
        arm = os.pidfd_open(int(pid))
        parent.kill()
    assert select.select([arm], [], [], 20.0)[0]
    os.close(arm)
    wait_until(lambda: not Path(folder).exists())


def test_what_it_says_when_it_cannot_start_is_quoted():
    with pytest.raises(ProcessError, match=r"the virtual arm ended with code 2: .*no task"):
        VirtualFciProcess(task="fly", priority=0).start()
