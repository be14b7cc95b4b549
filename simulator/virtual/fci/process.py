"""Runs a virtual arm in a process of its own, for tests and trials."""

import contextlib
import os
import signal
import socket
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from serl_api.lifetime.child_process import ChildProcess, python_command
from serl_api.lifetime.stop_signal import StopSignal
from simulator.virtual.fci.control_channel import ControlClient
from simulator.virtual.fci.controller.reflexes import LOST_PACKET_LIMIT
from simulator.virtual.fci.cycle_log import read_cycle_log
from simulator.virtual.fci.protocol import PORT, VERSION
from simulator.virtual.imperfections import PERFECT, Imperfections
from simulator.virtual.serving import Device

_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 5.0


class VirtualFciProcess(Device):
    """Runs `serl-virtual fci` in a `with` block. libfranka reaches it at `host`.

    Args:
        arm: "panda" or "fr3".
        task: Task whose scene the arm stands in, or "none".
        host: Loopback address; a free one is chosen when left out. libfranka always connects to TCP port 1337, so
            several arms differ by address.
        seed: Seed of the scene.
        server_version: To speak.
        lost_packet_limit: Missing commands in a row that stop a motion. The true value is the default; on a machine
            that is busy with other things a test may forgive more.
        imperfections: How it departs from its model.
        priority: Real-time priority of the process; 0 is none, None takes one if that is allowed.
    """

    def __init__(
        self,
        *,
        arm: str = "panda",
        task: str = "none",
        host: str | None = None,
        seed: int = 0,
        server_version: int = VERSION,
        lost_packet_limit: int = LOST_PACKET_LIMIT,
        imperfections: Imperfections = PERFECT,
        priority: int | None = None,
    ) -> None:
        self.host = host or free_loopback_host()
        """Address that a client connects to."""
        # In memory where possible: writing a mapped file back to a disk would hold up the loop.
        memory = Path("/dev/shm")
        self._folder = tempfile.TemporaryDirectory(prefix="virtual-fci-", dir=memory if memory.is_dir() else None)
        folder = Path(self._folder.name)
        self._ready = folder / "ready"
        self._log_file = folder / "cycles"
        self.control_path = folder / "control.sock"
        """Socket of the control channel, for others that move the gripper or look at the scene."""
        self._messages = folder / "messages"
        self._command = python_command(
            "simulator.virtual",
            "fci",
            *imperfections.words(),
            arm=arm,
            task=task,
            host=self.host,
            seed=seed,
            server_version=server_version,
            lost_packet_limit=lost_packet_limit,
            priority=priority,
            ready_file=self._ready,
            log=self._log_file,
            control=self.control_path,
        )
        self._process: ChildProcess | None = None
        self._control: ControlClient | None = None

    def start(self) -> None:
        """Starts the process and waits until it answers.

        Raises:
            ProcessError: It ended or was silent; what it said last is quoted.
        """
        folder = Path(self._folder.name)
        self._process = ChildProcess(
            "virtual arm", self._command, self._messages, threads=None, grace_s=_STOP_TIMEOUT_S, folder=folder
        )
        try:
            self._process.wait_for_file(self._ready, StopSignal(), _START_TIMEOUT_S)
        except BaseException:
            self.close()
            raise
        self._control = ControlClient(self.control_path)

    def close(self) -> None:
        """Ends the process."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            self._process.stop()
        self._folder.cleanup()

    def inject(self, name: str, **values: Any) -> None:  # noqa: ANN401
        """Makes something happen.

        - "stall" (seconds): the whole arm stands still; nothing is sent, nothing moves, no time passes for it.
        - "drop" (fraction, direction): datagrams are lost; "commands" (default), "states" or "both".
        - "reflex" (kind): one of libfranka's errors, such as "joint_reflex" (default).
        - "user_stop", "release_user_stop": somebody presses and releases the stop button.
        - "close_brakes", "open_brakes": somebody locks and unlocks the joints in Desk.
        - "guide", "let_go": somebody leads the arm by hand (it then gives way to "wrench"), and lets it go.
        - "refuse_settings" (modes): whatever sets something is refused in these modes, such as "reflex".
        - "disconnect": the TCP connection ends.
        - "wrench" (force, torque): N and Nm on the tool in base axes, until the next one or `clear`.
        - "place" (positions): puts the idle arm at joint positions, rad.

        Raises:
            ControlError: There is no such injection, or a value is wrong.
        """
        self._ask(name, **values)

    def clear(self) -> None:
        """Ends dropping, pushing, refusing, guiding, stop and brakes; recovery of faults is the client's."""
        self._ask("clear")

    def state(self) -> dict[str, Any]:
        """Returns ground truth at a time (ns, monotonic): mode, faults, joints, flange, external torques, props."""
        return self._ask("state")

    def scene(self) -> dict[str, Any]:
        """Returns time (ns, monotonic), arm, task, seed, and all generalised positions, to render the scene from."""
        return self._ask("scene")

    def set_gripper(self, width: float, speed: float = 0.0, force: float = 0.0) -> None:
        """Moves the fingers of the scene's gripper: m, m/s, N; 0 is the gripper's own default."""
        self._ask("set_gripper", width=width, speed=speed, force=force)

    def gripper(self) -> dict[str, Any]:
        """Returns width (m), target width (m), force (N), and whether an object is held."""
        return self._ask("gripper")

    def reset_scene(self, seed: int) -> None:
        """Places the props anew; the arm stays where it is."""
        self._ask("reset_scene", seed=seed)

    def log(self) -> np.ndarray:
        """Returns the arm's own log so far, one record a cycle: see `cycle_log.RECORD`. Shape (N,)."""
        return read_cycle_log(self._log_file)

    def messages(self) -> str:
        """Returns the output of the process."""
        return self._messages.read_text() if self._messages.exists() else ""

    def kill(self) -> None:
        """Kills the process."""
        if self._process is not None:
            self._process.signal(signal.SIGKILL)
            self._process.wait(_STOP_TIMEOUT_S)

    @property
    def pid(self) -> int:
        """Returns the server's process id."""
        assert self._process is not None, "not started"
        return self._process.pid

    def _ask(self, op: str, **values: Any) -> Any:  # noqa: ANN401
        assert self._control is not None, "not started"
        return self._control.ask(op, **values)


def free_loopback_host(port: int = PORT) -> str:
    """Finds a loopback address on which nobody listens at a TCP port. Raises RuntimeError when all are taken."""
    first = os.getpid() % 250  # Begins elsewhere in every process, so that parallel test runs seldom meet.
    for offset in range(250):
        host = f"127.0.{1 + os.getpid() // 250 % 250}.{2 + (first + offset) % 250}"
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return host
    raise RuntimeError(f"port {port} is taken on every loopback address that was tried")
