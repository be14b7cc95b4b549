"""Runs a command that ends with its parent, however that ends; started by `private_simulator`, imports nothing else.

Usage: python child_guard.py FOLDER COMMAND [ARGUMENT ...]. The parent keeps the write end of this process's standard
input; its end, kill -9 included, is the end of the command. FOLDER is removed on the way out. A parent's death signal
alone would not do: the kernel sends it when the *thread* ends that started the child.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading

_PR_SET_PDEATHSIG = 1
_GRACE_S = 3.0


def _die_with_guard() -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _stop_at_end_of_input(child: subprocess.Popen[bytes]) -> None:
    while os.read(0, 4096):
        pass
    child.terminate()
    try:
        child.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()


def main() -> int:
    """Runs the command until it ends or the parent does."""
    folder, command = sys.argv[1], sys.argv[2:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's; it closes the input when it is done.
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_die_with_guard)
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        threading.Thread(target=_stop_at_end_of_input, args=(child,), daemon=True).start()
        return child.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
