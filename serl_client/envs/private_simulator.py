"""Starts a simulator for this process alone, on a Unix socket; it dies with this process, however that ends."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from serl_client.errors import PrivateSimulatorError

_GUARD = Path(__file__).with_name("child_guard.py")
_POLL_S = 0.01
_STOP_TIMEOUT_S = 6.0
_START_TIMEOUT_S = 60.0


def simulator_command(
    task: str, address: str, ready_file: Path, *, pacing: str = "lockstep", seed: int = 0
) -> list[str]:
    """Command line of a simulator.

    Raises:
        PrivateSimulatorError: The simulator is not installed.
    """
    if importlib.util.find_spec("simulator") is None or importlib.util.find_spec("mujoco") is None:
        raise PrivateSimulatorError(
            "no simulator is installed: pip install 'serl-robot[simulator]', or give the address of a daemon"
        )
    options = {"task": task, "address": address, "pacing": pacing, "seed": seed, "ready-file": ready_file}
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    return [sys.executable, "-m", "simulator", *arguments]


class PrivateSimulator:
    """A running child. A context manager.

    Args:
        task: Task to load, such as "pick-cube".
        command: Command line in place of the installed simulator's; "{address}" and "{ready_file}" are filled in.
        start_timeout_s: How long it may take to answer.

    Raises:
        PrivateSimulatorError: It is not installed, ended, or was not ready in time; its last words are quoted.
    """

    def __init__(
        self, task: str, *, command: Sequence[str] | None = None, start_timeout_s: float = _START_TIMEOUT_S
    ) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="serl-"))
        self.address = f"unix:{self._folder / 'robot.sock'}"
        self._log_path = self._folder / "simulator.log"
        ready_file = self._folder / "ready"
        try:
            if command is None:
                command = simulator_command(task, self.address, ready_file)
            filled = [part.format(address=self.address, ready_file=ready_file) for part in command]
            self._process = self._start(filled)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        try:
            self._wait_ready(ready_file, start_timeout_s)
        except BaseException:
            self.close()
            raise

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    @property
    def guard_pid(self) -> int:
        """Process that ends with this one and takes the simulator along."""
        return self._process.pid

    def close(self) -> None:
        """Ends the simulator and removes its folder. Safe to repeat."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()  # The kernel then kills the simulator.
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _start(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        with self._log_path.open("wb") as log_file:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", str(_GUARD), str(self._folder), *command],
                stdin=subprocess.PIPE,
                stdout=log_file,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # A terminal's Ctrl-C reaches this process alone, which then closes in order.
            )

    def _wait_ready(self, ready_file: Path, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        # The guard removes the folder when the simulator ends, so its log is kept open from the start.
        with self._log_path.open(errors="replace") as log_file:
            while not ready_file.exists():
                if not self.is_running:
                    raise PrivateSimulatorError(f"the private simulator ended at once: {_last_line(log_file.read())}")
                if time.monotonic() > deadline:
                    raise PrivateSimulatorError(
                        f"the private simulator was not ready within {timeout_s:g} s: {_last_line(log_file.read())}"
                    )
                time.sleep(_POLL_S)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
