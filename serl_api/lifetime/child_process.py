"""Starts child processes, waits until they are ready, drains them; they end with their parent, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from serl_api.lifetime.stop_signal import StopSignal

_ENDS_WITH_PARENT = (sys.executable, "-I", "-S", str(Path(__file__).with_name("parent_death.py")))
_POLL_S = 0.02


class ProcessError(RuntimeError):
    """A child process ended early or did not become ready in time; the message is one sentence for people."""


class ChildProcess:
    """Runs one child with its log file.

    Args:
        name: What it is, for messages, such as "learner".
        command: Program and arguments.
        log_path: File that collects its stdout and stderr.
        threads: Limit for the numerical libraries' own threads; None leaves it to them.
        grace_s: Time to drain when this process ends or stops it, s; then it is killed.
        folder: Removed when this process ends without having stopped the child; the log may lie in it.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log_path: Path,
        *,
        threads: int | None = 1,
        grace_s: float = 15.0,
        folder: Path | None = None,
    ) -> None:
        self.name = name
        self._grace_s = grace_s
        self.log_path = log_path
        log_path.parent.mkdir(parents=True, exist_ok=True)
        with log_path.open("ab") as log_file:
            self._process = subprocess.Popen(
                [*_ENDS_WITH_PARENT, str(os.getpid()), str(grace_s), "" if folder is None else str(folder), *command],
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=subprocess.STDOUT,
                env=_child_environment(threads),
                # A terminal's Ctrl-C reaches the parent alone, which then drains the children in order.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Returns the process identifier."""
        return self._process.pid

    def poll(self) -> int | None:
        """Returns the exit code, or None while it runs."""
        return self._process.poll()

    def check(self) -> None:
        """Raises if the child has failed.

        Raises:
            ProcessError: It ended with a code other than 0; the last line of its log is quoted.
        """
        code = self._process.poll()
        if code not in (None, 0):
            raise ProcessError(f"the {self.name} ended with code {code}: {self.last_words()} (log: {self.log_path})")

    def last_words(self) -> str:
        """Returns the last line of the log that is not empty."""
        lines = [line for line in self.log().splitlines() if line.strip()]
        return lines[-1].strip() if lines else "it said nothing"

    def log(self) -> str:
        """Returns all that it has said; empty once the log is gone."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def wait_for_file(self, path: Path, stop: StopSignal, timeout_s: float = 60.0) -> str:
        """Waits until the child has written a file, and returns its text; empty if asked to stop.

        Raises:
            ProcessError: The child ended, or nothing came in time.
        """
        deadline = time.monotonic() + timeout_s
        while not path.exists():
            if stop.wait(_POLL_S):
                return ""
            self.check()
            if self.poll() is not None:
                raise ProcessError(f"the {self.name} ended before it was ready: {self.last_words()}")
            if time.monotonic() > deadline:
                raise ProcessError(
                    f"the {self.name} was not ready within {timeout_s:g} s: {self.last_words()} (log: {self.log_path})"
                )
        return path.read_text().strip()

    def wait(self, timeout_s: float) -> int | None:
        """Waits for the end, at most `timeout_s`; returns the exit code, or None if it still runs."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Sends a signal, if the child still runs."""
        if self._process.poll() is None:
            self._process.send_signal(number)

    def stop(self, grace_s: float | None = None) -> int:
        """Asks the child to drain, and kills it if it does not in time; returns the exit code, negative when killed."""
        self.signal(signal.SIGTERM)
        if self.wait(self._grace_s if grace_s is None else grace_s) is None:
            self._process.kill()
        return self._process.wait()


def python_command(module: str, *words: str, **options: object) -> list[str]:
    """Makes the command line of a Python module; options that are None or False are left out, True is a flag."""
    command = [sys.executable, "-m", module, *words]
    for name, value in options.items():
        if value is not None and value is not False:
            command += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    return command


def wait_for_file(path: Path, stop: StopSignal, timeout_s: float) -> bool:
    """Waits until a file exists.

    Args:
        path: The file.
        stop: Ends the wait.
        timeout_s: Longest wait in s.

    Returns:
        Whether it exists.
    """
    deadline = time.monotonic() + timeout_s
    while not path.exists():
        if stop.wait(_POLL_S) or time.monotonic() > deadline:
            return False
    return True


def _child_environment(threads: int | None) -> Mapping[str, str]:
    limits = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)} if threads is not None else {}
    return {**os.environ, "PYTHONUNBUFFERED": "1", **limits}
