"""Runs a command that ends when its parent does, however that ends; started by `child_process`, imports nothing else.

Usage: python parent_death.py PARENT_PID GRACE_S FOLDER COMMAND [ARGUMENT ...]. This process becomes the command. A
watcher, which belongs to nobody, waits for the end of the parent, kill -9 included: then the command gets SIGTERM, and
SIGKILL when GRACE_S is over, and FOLDER, unless empty, is removed. The kernel's parent-death signal would not do: it
comes when the *thread* ends that started the command, and never if the parent had ended before it was asked for.
Linux only; elsewhere the command just runs.
"""

import os
import select
import shutil
import signal
import sys


def main() -> None:
    """Leaves a watcher behind and becomes the command."""
    parent_pid, grace_s, folder, command = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4:]
    if hasattr(os, "pidfd_open"):
        try:
            parent = os.pidfd_open(parent_pid)
        except ProcessLookupError:
            sys.exit(1)
        if os.getppid() != parent_pid:  # It has ended, and its number may be somebody else's by now.
            sys.exit(1)
        own = os.pidfd_open(os.getpid())
        child = os.fork()
        if child == 0:
            if os.fork() == 0:
                _watch(parent, own, grace_s, folder)
            os._exit(0)
        os.waitpid(child, 0)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]} cannot be run: {error.strerror}")


def _watch(parent: int, command: int, grace_s: float, folder: str) -> None:
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # Who reads the command's output must see its end.
        os.dup2(null, descriptor)
    _wait(None, parent, command)
    if not _wait(0.0, parent):
        return  # The command ended by itself, which is its parent's business.
    if not _wait(0.0, command):
        signal.pidfd_send_signal(command, signal.SIGTERM)
        if not _wait(grace_s, command):
            signal.pidfd_send_signal(command, signal.SIGKILL)
            _wait(grace_s, command)
    if folder:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(timeout_s: float | None, *processes: int) -> bool:
    """Waits until one of some processes has ended; returns whether one has."""
    poll = select.poll()
    for process in processes:
        poll.register(process, select.POLLIN)
    return bool(poll.poll(None if timeout_s is None else 1000.0 * timeout_s))


if __name__ == "__main__":
    main()
