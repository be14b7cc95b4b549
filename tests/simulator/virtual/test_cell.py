"""The virtual cell as a command: its parts end with it, whatever ends it."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(180)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_every_part_ends_with_the_command(number):
    command = [sys.executable, "-m", "simulator.virtual", "cell", "--address", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as cell:
        assert cell.stdout.readline().startswith("127.0.0.1:")
        folder = next(line for line in cell.stderr if " are in " in line).split(" are in ")[1].split()[0]
        children = Path(f"/proc/{cell.pid}/task/{cell.pid}/children").read_text().split()
        parts = [os.pidfd_open(int(pid)) for pid in children]
        assert len(parts) == 3  # Arm, gripper and daemon.
        cell.send_signal(number)
        for part in parts:
            assert select.select([part], [], [], 30.0)[0]
            os.close(part)
        assert cell.wait(30.0) == (0 if number is signal.SIGTERM else -signal.SIGKILL)
    wait_until(lambda: not Path(folder).exists())
