"""Starts the policy server of a LeRobot checkpoint in LeRobot's own environment; it ends with this process."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from serl_api.lifetime.child_process import ChildProcess, ProcessError
from serl_api.lifetime.closing import ClosedOnExit
from serl_api.lifetime.stop_signal import StopSignal
from serl_rl.errors import RemotePolicyError, UsageError

_MODULE = "lerobot_robot_serl.policy_server"
_START_TIMEOUT_S = 120.0
"""Importing LeRobot alone takes 7 s on an idle machine."""
_GRACE_S = 3.0


class LeRobotServer(ClosedOnExit):
    """Serves one checkpoint on a free port of loopback. A context manager.

    Args:
        checkpoint: Folder that LeRobot saved: `config.json`, `model.safetensors`, processors.
        python: Of the environment in which LeRobot and the plug-in are installed.
        stop: Ends the wait for it.

    Raises:
        UsageError: There is no such checkpoint or no such Python.
        RemotePolicyError: It did not start; its last words are quoted.
    """

    def __init__(self, checkpoint: Path, python: Path, stop: StopSignal) -> None:
        if not (checkpoint / "config.json").is_file():
            raise UsageError(
                f"there is no LeRobot policy in {checkpoint}; give the folder with its config.json, often "
                "checkpoints/last/pretrained_model"
            )
        if shutil.which(str(python)) is None:
            raise UsageError(
                f"--lerobot-python is {python}, which cannot be run; give the Python of an environment with LeRobot "
                "and lerobot_robot_serl, as docs/data.md makes it"
            )
        self._folder = Path(tempfile.mkdtemp(prefix="serl-"))
        ready = self._folder / "ready"
        command = [str(python), "-m", _MODULE, str(checkpoint.absolute()), "--ready-file", str(ready)]
        try:
            self._process = ChildProcess(
                "LeRobot policy server",
                command,
                self._folder / "server.log",
                threads=None,
                grace_s=_GRACE_S,
                folder=self._folder,
            )
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        try:
            self.address = self._process.wait_for_file(ready, stop, _START_TIMEOUT_S)
            """Of the server, host:port."""
        except ProcessError:
            words = self._process.last_words()  # Its log goes with it.
            self.close()
            raise RemotePolicyError(f"the server of the LeRobot policy did not start: {words}") from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends the server. Safe to repeat."""
        self._process.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
