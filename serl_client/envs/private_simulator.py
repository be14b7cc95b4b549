"""Starts a simulator for this process alone, on a Unix socket; it dies with this process, however that ends."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from serl_api.lifetime.child_process import ChildProcess, ProcessError, python_command
from serl_api.lifetime.closing import ClosedOnExit
from serl_api.lifetime.stop_signal import StopSignal
from serl_api.security import UNIX_PATH_MAX_BYTES
from serl_client.errors import PrivateSimulatorError

_GRACE_S = 3.0
_START_TIMEOUT_S = 60.0
_SOCKETS = ("robot.sock", "right.sock")


def simulator_command(
    task: str,
    address: str,
    ready_file: Path,
    *,
    pacing: str = "lockstep",
    seed: int = 0,
    wrench_control: bool = False,
) -> list[str]:
    """Builds the command line of a simulator.

    Raises:
        PrivateSimulatorError: The simulator is not installed.
    """
    if importlib.util.find_spec("simulator") is None or importlib.util.find_spec("mujoco") is None:
        raise PrivateSimulatorError(
            "no simulator is installed: pip install 'serl-robot[simulator]', or give the address of a daemon"
        )
    return python_command(
        "simulator",
        task=task,
        address=address,
        pacing=pacing,
        seed=seed,
        wrench_control=wrench_control,
        ready_file=ready_file,
    )


class PrivateSimulator(ClosedOnExit):
    """Runs a simulator as a child process. A context manager.

    Args:
        task: Task to load, such as "pick-cube".
        arms: How many arms the task's scene has; with two, `address` holds two, the left arm's first.
        wrench_control: Whether it takes wrenches.
        command: Command line in place of the installed simulator's; "{address}" and "{ready_file}" are filled in.
        start_timeout_s: How long it may take to answer.

    Raises:
        PrivateSimulatorError: It is not installed, ended, or was not ready in time; its last words are quoted.
    """

    def __init__(
        self,
        task: str,
        *,
        arms: int = 1,
        wrench_control: bool = False,
        command: Sequence[str] | None = None,
        start_timeout_s: float = _START_TIMEOUT_S,
    ) -> None:
        self._owner = os.getpid()
        self._folder = _make_folder()
        self.address = ",".join(f"unix:{self._folder / name}" for name in _SOCKETS[:arms])
        ready_file = self._folder / "ready"
        try:
            if command is None:
                command = simulator_command(task, self.address, ready_file, wrench_control=wrench_control)
            filled = [part.format(address=self.address, ready_file=ready_file) for part in command]
            self._process = ChildProcess(
                "private simulator",
                filled,
                self._folder / "simulator.log",
                threads=None,
                grace_s=_GRACE_S,
                folder=self._folder,
            )
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        try:
            self._process.wait_for_file(ready_file, StopSignal(), start_timeout_s)
        except ProcessError as error:
            self.close()
            raise PrivateSimulatorError(str(error)) from None
        except BaseException:
            self.close()
            raise

    @property
    def is_running(self) -> bool:
        """Returns whether it has not ended."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Returns the process of the simulator."""
        return self._process.pid

    def close(self) -> None:
        """Ends the simulator and removes its folder. Safe to repeat; in a forked child it does nothing."""
        if os.getpid() != self._owner:
            return
        self._process.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def _make_folder() -> Path:
    """Makes a folder whose socket has a name that the system takes, also where TMPDIR is long."""
    folder = Path(tempfile.mkdtemp(prefix="serl-"))
    if len(os.fsencode(folder / _SOCKETS[0])) <= UNIX_PATH_MAX_BYTES:
        return folder
    folder.rmdir()
    return Path(tempfile.mkdtemp(prefix="serl-", dir="/tmp"))
