"""Subcommand `estop`: a terminal as an e-stop endpoint."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import termios
import tty
from collections.abc import Iterator
from dataclasses import dataclass

from serl_api.errors.robot import RobotError
from serl_client.cli.options import CommandError, Common, UsageError, note
from serl_client.estop import EStop
from serl_client.robot import RobotClient

LEAVE, CLEAR = "q", "c"
_LOOK_S = 0.1


@dataclass(frozen=True, kw_only=True)
class EStopCommand(Common):
    """Make this terminal an e-stop endpoint: any key stops the arm. NOT a safety-rated emergency stop.

    The arm also stops when this program ends in another way than by q: killed, Ctrl-C, terminal closed, cable pulled,
    machine asleep. Without a terminal, each line on stdin stops the arm, and so does its end; a line "q" leaves in
    order. With `limits.requires_estop` in the cell's file nothing moves unless one of these is armed.

    Try:
    serl-robot estop --name "key on the table"

    button-reader | serl-robot estop --address robot-pc:50051
    """

    name: str | None = None
    """Name shown to others; left out, user and machine."""
    timeout_s: float = 0.5
    """How long this program may be silent before the arm stops, from 0.1 to 0.5 s."""

    def run(self) -> None:
        """Answers challenges until it is told to leave.

        Raises:
            CommandError: It ended in another way than by q; the arm has been stopped.
        """
        if not 0.1 <= self.timeout_s <= 0.5:
            raise UsageError(f"--timeout-s is {self.timeout_s:g}; it must be in [0.1, 0.5]")
        with self.connect() as robot, _input() as read:  # Keys count from the first moment on.
            estop = robot.arm_estop(self.name, timeout_s=self.timeout_s)
            note(f"armed at {robot.info.cell_name}; any key stops the arm, {CLEAR} releases a stop, {LEAVE} leaves")
            try:
                self._serve(robot, estop, read)
            except RobotError as error:
                raise CommandError(f"this e-stop is not armed any more: {error}") from error
            estop.close()

    def _serve(self, robot: RobotClient, estop: EStop, read: _Read) -> None:
        said = ""
        while True:
            estop.require_armed()
            text = _described(estop)
            if text != said:
                said = text
                note(text)
            key = read()
            if key == LEAVE:
                return
            if key == CLEAR and estop.status.stop_latched:
                robot.clear_stop()
            elif key is not None:
                estop.press("a key was pressed" if key else "the input of the e-stop ended")
            if key == "":
                raise CommandError("the input ended, so the arm was stopped")


def _described(estop: EStop) -> str:
    status = estop.status
    by = f", controlled by {status.control_holder}" if status.control_holder else ""
    return f"armed; the arm is {status.mode.name.lower()}{by}{'; stopped' if status.stop_latched else ''}"


@contextlib.contextmanager
def _input() -> Iterator[_Read]:
    """Gives what reads a key of a terminal, or a line of anything else: None for none, "" at the end."""
    source = sys.stdin.fileno()
    if not os.isatty(source):
        yield _Read(source, by_lines=True)
        return
    before = termios.tcgetattr(source)
    try:
        tty.setcbreak(source, termios.TCSANOW)
        yield _Read(source, by_lines=False)
    finally:
        termios.tcsetattr(source, termios.TCSANOW, before)


@dataclass
class _Read:
    """Reads keys or lines, and waits shortly for them."""

    source: int
    by_lines: bool
    buffered: str = ""

    def __call__(self) -> str | None:
        """Returns a key or a line, None when there is none, and "" at the end of the input."""
        if "\n" not in self.buffered:
            if not select.select([self.source], [], [], _LOOK_S)[0]:
                return None
            data = os.read(self.source, 1024).decode(errors="replace")
            if not data:
                return ""
            if not self.by_lines:  # Several at once are a hand on the keyboard: they stop, whatever they are.
                return data if len(data) == 1 else "several keys"
            self.buffered += data
        if "\n" not in self.buffered:
            return None
        line, _, self.buffered = self.buffered.partition("\n")
        return line.strip() or "\n"
