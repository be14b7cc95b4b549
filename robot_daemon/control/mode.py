"""Derives the arm's mode, as clients see it, from faults, stop latch and session."""

from dataclasses import dataclass

from robot_daemon.control.faults import FaultRegistry
from robot_daemon.control.session import ControlSession
from serl_api.enums import ArmMode


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """Says who latched `Stop`, and why."""

    client_name: str
    text: str


def mode_of(faults: FaultRegistry, stopped: Stopped | None, session: ControlSession | None) -> ArmMode:
    """Returns the mode. A hand on the arm comes first: nothing else leads out while it is there."""
    if faults.is_by_hand:
        return ArmMode.GUIDED
    if faults.critical:
        return ArmMode.FAULTED
    if stopped is not None:
        return ArmMode.STOPPED
    if session is None:
        return ArmMode.IDLE
    if session.is_moving:
        return ArmMode.MOVING
    return ArmMode.CONTROLLED if session.is_tracking else ArmMode.HOLDING
