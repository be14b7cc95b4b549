"""Derives the arm's mode, as clients see it, from faults, stop latch and session."""

from dataclasses import dataclass
from enum import Enum, auto

from robot_daemon.control.faults import FaultRegistry
from robot_daemon.control.session import ControlSession


class Mode(Enum):
    """Enumerates what the arm may be doing; the schema explains each value in `ArmMode`."""

    IDLE = auto()
    CONTROLLED = auto()
    HOLDING = auto()
    MOVING = auto()
    STOPPED = auto()
    FAULTED = auto()
    DISCONNECTED = auto()
    GUIDED = auto()


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """Says who latched `Stop`, and why."""

    client_name: str
    text: str


def mode_of(faults: FaultRegistry, stopped: Stopped | None, session: ControlSession | None) -> Mode:
    """Returns the mode. A hand on the arm comes first: nothing else leads out while it is there."""
    if faults.is_by_hand:
        return Mode.GUIDED
    if faults.critical:
        return Mode.FAULTED
    if stopped is not None:
        return Mode.STOPPED
    if session is None:
        return Mode.IDLE
    if session.is_moving:
        return Mode.MOVING
    return Mode.CONTROLLED if session.is_tracking else Mode.HOLDING
