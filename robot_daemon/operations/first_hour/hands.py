"""Asks for what only hands can do at an arm: a person at the terminal, or the control channel of a virtual arm."""

import json
import socket
import sys
from enum import Enum
from pathlib import Path
from typing import Protocol, TextIO


class Deed(Enum):
    """Enumerates what hands do; the value tells a person."""

    PRESS_STOP = "Press the arm's user stop."
    RELEASE_STOP = "Release the arm's user stop."
    CLOSE_BRAKES = "Close the arm's brakes (in Desk: lock the joints)."
    OPEN_BRAKES = "Open the arm's brakes and make it ready (in Desk: unlock the joints, activate FCI)."
    PUSH = "Push the tool by hand, harder and harder, until the arm stops by itself; then let go of it."
    LET_GO = "Take your hands off the arm."


class Hands(Protocol):
    """Does deeds at the arm."""

    def do(self, deed: Deed) -> str:
        """Does a deed; returns why it was not done, empty when it was."""
        ...

    def allow(self, motion: str) -> str:
        """Allows a motion; returns why not, empty when it is allowed."""
        ...

    def agree(self, proposal: str) -> str:
        """Agrees to what moves nothing; returns why not, empty when that is so."""
        ...


class PersonsHands:
    """Asks the person at the terminal.

    Args:
        asks: Whether somebody is there; if not, motions are allowed and deeds are not done.
        source: Where answers are read.
        out: Where questions are written.
    """

    def __init__(self, *, asks: bool, source: TextIO | None = None, out: TextIO | None = None) -> None:
        self._asks = asks
        self._source = source or sys.stdin
        self._out = out or sys.stderr

    def do(self, deed: Deed) -> str:
        """Asks, and waits for Enter."""
        if not self._asks:
            return "it needs a hand at the arm; run it without --yes"
        return self._question(f"{deed.value} Then Enter, or s and Enter to skip: ")

    def allow(self, motion: str) -> str:
        """Says what will move, and waits for Enter."""
        if not self._asks:
            self._say(f"  moves: {motion}\n")
            return ""
        return self._question(f"will move: {motion}\n  Clear the space, stop in hand. Enter moves, s and Enter skips: ")

    def agree(self, proposal: str) -> str:
        """Says what is proposed, and waits for Enter."""
        if not self._asks:
            self._say(f"  {proposal}\n")
            return ""
        return self._question(f"{proposal} Enter agrees, s and Enter skips the step: ")

    def _question(self, text: str) -> str:
        self._say(f"  {text}")
        answer = self._source.readline()
        if not answer:
            return "nobody answered; run it in a terminal, or with --yes where no person is needed"
        return "skipped by the person" if answer.strip().lower().startswith("s") else ""

    def _say(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


_INJECTIONS = {
    Deed.PRESS_STOP: {"op": "user_stop"},
    Deed.RELEASE_STOP: {"op": "release_user_stop"},
    Deed.CLOSE_BRAKES: {"op": "close_brakes"},
    Deed.OPEN_BRAKES: {"op": "open_brakes"},
    Deed.PUSH: {"op": "reflex", "kind": "cartesian_reflex"},
    Deed.LET_GO: {"op": "clear"},
}
"""What the control channel of `serl-virtual fci` understands."""


class VirtualHands:
    """Does deeds at a virtual arm through its control channel; every motion is allowed.

    Args:
        path: The socket that `serl-virtual fci --control` serves.
        out: Where motions are told.
    """

    def __init__(self, path: Path, out: TextIO | None = None) -> None:
        self._path = path
        self._out = out or sys.stderr

    def do(self, deed: Deed) -> str:
        """Lets the virtual arm be touched."""
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(5.0)
            try:
                channel.connect(str(self._path))
                channel.sendall(json.dumps(_INJECTIONS[deed]).encode() + b"\n")
                answer = json.loads(channel.makefile("rb").readline() or b"{}")
            except (OSError, ValueError) as error:
                return f"the virtual arm does not answer at {self._path} ({error})"
        return str(answer.get("error", ""))

    def allow(self, motion: str) -> str:
        """Says what will move."""
        self._out.write(f"  moves: {motion}\n")
        return ""

    def agree(self, proposal: str) -> str:
        """Says what is proposed."""
        self._out.write(f"  {proposal}\n")
        return ""
