"""Defines the options that every subcommand of `serl-robot` shares, and its errors."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from serl_api.enums import Backend
from serl_api.security import read_token
from serl_api.settings import AT_LEAST_0, check_fields
from serl_client.connection.channel import CONNECT_TIMEOUT_S
from serl_client.robot import RobotClient


class UsageError(Exception):
    """Raised when the command line asks for something that cannot be; exit code 2."""


class CommandError(Exception):
    """Raised when the cell cannot do what the command asks for; exit code 1."""


@dataclass(frozen=True, kw_only=True)
class Common:
    """Says how to reach a daemon."""

    address: str = "127.0.0.1:50051"
    """HOST:PORT or unix:/PATH of the daemon."""
    token_file: Path | None = None
    """File whose first line is the bearer token."""
    tls_root: Path | None = None
    """PEM file with the certificate that signed the daemon's."""
    tls_identity: Path | None = None
    """PEM file with a private key and its certificate, where the daemon asks clients for one."""
    connect_timeout_s: Annotated[float, AT_LEAST_0] = CONNECT_TIMEOUT_S
    """How long to try the address, in s."""

    def __post_init__(self) -> None:
        """Refuses values that cannot work."""
        check_fields(self)

    def connect(self) -> RobotClient:
        """Connects to the daemon."""
        token = None if self.token_file is None else read_token(self.token_file)
        return RobotClient(
            self.address,
            token=token,
            tls_root=self.tls_root,
            tls_identity=self.tls_identity,
            connect_timeout_s=self.connect_timeout_s,
        )


@dataclass(frozen=True, kw_only=True)
class Moving(Common):
    """Asks before the arm or the fingers move."""

    yes: bool = False
    """Do not ask before a real arm moves."""

    def confirm(self, robot: RobotClient, what: str) -> None:
        """Asks before a real arm moves; a simulated one moves at once.

        Raises:
            UsageError: There is no terminal to ask on, or the answer is no.
        """
        if self.yes or robot.info.backend in (Backend.SIMULATED, Backend.FAKE):
            return
        cell = f"{robot.info.cell_name} ({robot.info.arm.model}) at {robot.address}"
        if not sys.stdin.isatty():
            raise UsageError(f"{cell} is real and would {what}: say --yes, or run this on a terminal")
        note(f"{cell} is real and will {what}. Go on? [y/N]")
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise UsageError("not confirmed; nothing moved")


def say(text: str) -> None:
    """Prints a result as one line on stdout."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()  # Into a pipe, a line of a command that goes on would come when it ends.


def note(text: str) -> None:
    """Prints a remark as one line on stderr."""
    sys.stderr.write(f"{text}\n")


def say_json(value: object) -> None:
    """Prints a result as JSON on stdout."""
    say(json.dumps(value, indent=2))
