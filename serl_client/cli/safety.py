"""Implements the subcommands for when something is wrong: stop, recover."""

from __future__ import annotations

from dataclasses import dataclass

from serl_api.errors.robot import RobotError
from serl_client.cli.options import Common, Moving, note, say


@dataclass(frozen=True, kw_only=True)
class Stop(Common):
    """Stop the arm at once; no session opens until --clear. NOT a safety-rated emergency stop."""

    clear: bool = False
    """Release the latch instead. Moves nothing."""
    text: str = ""
    """Why, for the daemon's log."""

    def run(self) -> None:
        """Stops or releases."""
        with self.connect() as robot:
            if self.clear:
                robot.clear_stop()
                say("the stop is released")
            else:
                robot.stop(self.text)
                say("stopped; `serl-robot stop --clear` releases it")


@dataclass(frozen=True, kw_only=True)
class Recover(Moving):
    """Clear the faults of the arm, so that it can be controlled again."""

    fault: tuple[str, ...] = ()
    """Identifiers of the faults to clear; all when left out."""

    def run(self) -> None:
        """Clears, and fails when a fault remains."""
        with self.connect() as robot:
            faults = robot.list_faults().active
            for fault in faults:
                note(f"{fault.id}: {fault.text}")
            self.confirm(robot, "accept commands again")
            result = robot.recover(self.fault)
        for fault in result.cleared:
            say(f"cleared {fault.id}")
        if result.remaining:
            names = ", ".join(fault.id for fault in result.remaining)
            raise RobotError(f"still faulted: {names}; remove the cause and recover again")
        if not result.cleared:
            say("no fault was active")
