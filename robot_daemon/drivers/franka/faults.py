"""What stops the arm, in sentences, and the memory that keeps each fault until somebody recovers from it.

Identifiers are libfranka's names of the errors; conditions for which it has no error are listed below.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import franky

from robot_daemon.devices import DeviceFault, FaultSeverity, FaultSource

USER_STOP = "user_stop"
GUIDING = "guiding"
NOT_READY = "arm_not_ready"
REFLEX = "reflex"
CONNECTION_LOST = "connection_lost"
CONTROL_ABORTED = "control_aborted"
STREAM_STALLED = "stream_stalled"
LOAD_REFUSED = "load_refused"

_RECOVER = "then recover"
_AWAY = f"move what it touches out of the way, {_RECOVER}"
_LIMIT = f"keep targets further from that limit; {_RECOVER}, which brings the arm back inside"
_SOFTER = f"lower stiffness or clips, or send targets in smaller steps, {_RECOVER}"

ERROR_TEXTS = {
    "joint_reflex": f"an external torque on a joint exceeded collision_torque_nm; {_AWAY}",
    "cartesian_reflex": f"an external force on the tool exceeded collision_wrench; {_AWAY}",
    "self_collision_avoidance_violation": f"the arm came too close to itself; choose other targets, {_RECOVER}",
    "joint_position_limits_violation": f"a joint passed its position limit; {_LIMIT}",
    "cartesian_position_limits_violation": f"the tool left the space that Desk allows; {_LIMIT}",
    "joint_velocity_violation": f"a joint was too fast; {_SOFTER}",
    "cartesian_velocity_violation": f"the tool was too fast; {_SOFTER}",
    "tau_j_range_violation": f"a torque beyond a joint's limit was commanded; {_SOFTER}",
    "controller_torque_discontinuity": f"a torque jumped, as after lost commands; check network and load, {_RECOVER}",
    "power_limit_violation": f"the arm drew too much power; {_SOFTER}",
    "force_control_safety_violation": f"the arm was pushed further than it may while it controls force; {_AWAY}",
    "instability_detected": f"the arm oscillated; lower stiffness or raise damping, {_RECOVER}",
    "communication_constraints_violation": (
        "too many commands came too late; run a real-time kernel and a direct cable, free the processor, and recover"
    ),
}
"""By name; what is not listed needs no other action than to recover."""

CONDITION_TEXTS = {
    USER_STOP: "the user stop of the arm is pressed; release it by hand, then recover",
    GUIDING: "somebody guides the arm by hand; let go of its buttons, then recover",
    NOT_READY: "the arm is not ready to move; open its brakes and activate FCI in Desk, then recover",
    REFLEX: "the arm stopped by a reflex that it does not name; recover",
}

ERROR_NAMES = tuple(name for name, value in vars(franky.Errors).items() if isinstance(value, property))
"""Every error that libfranka knows."""

_READY = (franky.RobotMode.Idle, franky.RobotMode.Move, franky.RobotMode.AutomaticErrorRecovery)
_BY_HAND = {
    franky.RobotMode.UserStopped: USER_STOP,
    franky.RobotMode.Guiding: GUIDING,
    franky.RobotMode.Other: NOT_READY,
}


def error_names(errors: franky.Errors) -> list[str]:
    """The errors that are set."""
    return [name for name in ERROR_NAMES if getattr(errors, name)]


def error_text(name: str) -> str:
    """One sentence about one of libfranka's errors."""
    what = ERROR_TEXTS.get(name, "the arm stopped by itself; recover")
    return f"{name}: {what}"


@dataclass(frozen=True)
class Condition:
    """What a state says about faults: identifiers of those present, and whether a hand at the cell is needed."""

    present: tuple[str, ...]
    needs_hand: bool


_FINE = Condition((), needs_hand=False)


def condition_of(state: franky.RobotState) -> Condition:
    """Reads a state of the arm. It costs a few microseconds unless something is wrong."""
    mode = state.robot_mode
    if mode in _READY:
        return _FINE
    if mode == franky.RobotMode.Reflex:
        names = error_names(state.current_errors) or error_names(state.last_motion_errors) or [REFLEX]
        return Condition(tuple(names), needs_hand=False)
    return Condition((_BY_HAND.get(mode, NOT_READY), *error_names(state.current_errors)), needs_hand=True)


class FaultMemory:
    """Faults of one arm from onset until recovery. Any thread may call any method.

    Args:
        now_ns: The cell's clock.
        on_critical: Called without the lock after a critical fault was added.
    """

    def __init__(self, now_ns: Callable[[], int], on_critical: Callable[[], None]) -> None:
        self._now_ns = now_ns
        self._on_critical = on_critical
        self._lock = threading.Lock()
        self._active: dict[str, DeviceFault] = {}
        self._listed: tuple[DeviceFault, ...] = ()
        self._is_critical = False

    @property
    def active(self) -> tuple[DeviceFault, ...]:
        """Faults now, oldest first."""
        return self._listed

    @property
    def is_critical(self) -> bool:
        """Whether one of them forbids motion."""
        return self._is_critical

    def note(self, condition: Condition) -> None:
        """Takes over what a state says; what it no longer says stays until recovery."""
        if not condition.present and not self._listed:
            return
        for name in condition.present:
            clearable = not (condition.needs_hand and name in CONDITION_TEXTS)
            self.add(name, CONDITION_TEXTS.get(name) or error_text(name), clearable=clearable)
        if not condition.needs_hand:
            for name in _BY_HAND.values():
                self.allow_recovery(name)

    def add(self, name: str, text: str, *, critical: bool = True, clearable: bool = True) -> None:
        """Adds a fault; one that is active keeps its onset and text."""
        with self._lock:
            known = self._active.get(name)
            if known is not None and known.clearable is clearable:
                return
            severity = FaultSeverity.CRITICAL if critical else FaultSeverity.WARNING
            fault = DeviceFault(
                id=name,
                source=FaultSource.ARM,
                severity=severity,
                onset_time_ns=self._now_ns(),
                text=text,
                clearable=clearable,
            )
            self._replace(self._active | {name: replace(known, clearable=clearable) if known else fault})
        if critical and known is None:
            self._on_critical()

    def allow_recovery(self, name: str) -> None:
        """The cause of a fault has gone: recovery may clear it."""
        with self._lock:
            known = self._active.get(name)
            if known is not None and not known.clearable:
                self._replace(self._active | {name: replace(known, clearable=True)})

    def drop(self, names: Sequence[str]) -> None:
        """Recovery succeeded: forgets those of the faults that can be cleared."""
        with self._lock:
            kept = {name: fault for name, fault in self._active.items() if name not in names or not fault.clearable}
            self._replace(kept)

    def _replace(self, active: dict[str, DeviceFault]) -> None:
        self._active = active
        self._listed = tuple(active.values())
        self._is_critical = any(fault.severity is FaultSeverity.CRITICAL for fault in active.values())
