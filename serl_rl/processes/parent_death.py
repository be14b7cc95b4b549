"""Runs a command that dies with its parent; started by `serl_rl.processes.child_process`, imports nothing else.

Usage: python child.py PARENT_PID COMMAND [ARGUMENT ...]. The kernel sends SIGTERM to the command when the parent ends
for any reason, kill -9 included (Linux only; elsewhere the command just runs).
"""

import contextlib
import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Asks the kernel for the signal, then becomes the command."""
    parent_pid, command = int(sys.argv[1]), sys.argv[2:]
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent_pid:
        sys.exit(1)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
