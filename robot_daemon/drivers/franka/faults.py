"""Translates what stops the arm into faults, and keeps each until somebody recovers from it.

Both reflexes of contact are the fault "contact_reflex", as in the simulator; every other error of libfranka is a fault
of its name. Texts hold libfranka's names.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import franky

from robot_daemon.hardware.devices import DeviceFault
from serl_api.enums import FaultSeverity, FaultSource

CONTACT_REFLEX = "contact_reflex"
REFLEX = "arm_reflex"
USER_STOP = "user_stop"
GUIDING = "guiding"
NOT_READY = "arm_not_ready"
CONNECTION_LOST = "connection_lost"
CONTROL_ABORTED = "control_aborted"
STREAM_STALLED = "stream_stalled"
LOAD_REFUSED = "load_refused"

_LIMIT = "keep targets further from that limit; recover, which brings the arm back inside"
_SOFTER = "lower stiffness or clips, or send targets in smaller steps, then recover"

ERROR_TEXTS: Mapping[str, str] = {
    "joint_reflex": "the torque of contact on a joint passed contact_torque_nm; free the arm, then recover",
    "cartesian_reflex": "the force of contact on the tool passed contact_force_n; free the arm, then recover",
    "self_collision_avoidance_violation": "the arm came too close to itself; choose other targets, then recover",
    "joint_position_limits_violation": f"a joint passed its position limit; {_LIMIT}",
    "cartesian_position_limits_violation": f"the tool left the space that Desk allows; {_LIMIT}",
    "joint_velocity_violation": f"a joint was too fast; {_SOFTER}",
    "cartesian_velocity_violation": f"the tool was too fast; {_SOFTER}",
    "tau_j_range_violation": f"a torque beyond a joint's limit was commanded; {_SOFTER}",
    "controller_torque_discontinuity": "a torque jumped, as after lost commands; check the network, then recover",
    "power_limit_violation": f"the arm drew too much power; {_SOFTER}",
    "instability_detected": "the arm oscillated; lower stiffness or raise damping, then recover",
    "communication_constraints_violation": (
        "too many commands came too late; use a real-time kernel and a direct cable, free the processor, then recover"
    ),
}
"""By name; after what is not listed there is nothing to do but to recover."""

CONDITION_TEXTS: Mapping[str, str] = {
    USER_STOP: "the user stop of the arm is pressed; release it by hand, then recover",
    GUIDING: "somebody guides the arm by hand; let go of its buttons",
    NOT_READY: "the arm is not ready to move; open its brakes and activate FCI in Desk, then recover",
    REFLEX: "the arm stopped by a reflex that it does not name; recover",
}

ERROR_NAMES = tuple(name for name, value in vars(franky.Errors).items() if isinstance(value, property))
"""Every error that libfranka knows."""

_CONTACTS = ("joint_reflex", "cartesian_reflex")
_HANDS = (USER_STOP, GUIDING)
"""Conditions whose cause is a hand on the arm."""
_READY = (franky.RobotMode.Idle, franky.RobotMode.Move, franky.RobotMode.AutomaticErrorRecovery)
_BY_HAND = {
    franky.RobotMode.UserStopped: USER_STOP,
    franky.RobotMode.Guiding: GUIDING,
    franky.RobotMode.Other: NOT_READY,
}


def error_names(errors: franky.Errors) -> list[str]:
    """Returns the names of the errors that are set."""
    return [name for name in ERROR_NAMES if getattr(errors, name)]


def errors_as_faults(names: Sequence[str]) -> dict[str, str]:
    """Returns identifiers and texts of the faults that libfranka's errors are."""
    faults: dict[str, str] = {}
    for name in names:
        what = ERROR_TEXTS.get(name, "the arm stopped by itself; recover")
        identifier = CONTACT_REFLEX if name in _CONTACTS else name
        text = f"{name}: {what}"
        faults[identifier] = f"{faults[identifier]} ({text})" if identifier in faults else text
    return faults


@dataclass(frozen=True)
class Condition:
    """Holds what a state says about faults."""

    faults: Mapping[str, str] = field(default_factory=dict)
    """Texts by identifier."""
    by_hand: str = ""
    """The one that needs a hand at the cell; empty when none does."""


_FINE = Condition()


def condition_of(state: franky.RobotState) -> Condition:
    """Reads a state of the arm. It costs a few microseconds unless something is wrong."""
    mode = state.robot_mode
    if mode in _READY:
        return _FINE
    names = error_names(state.current_errors)
    if mode == franky.RobotMode.Reflex:
        names = names or error_names(state.last_motion_errors)
        return Condition(errors_as_faults(names) or {REFLEX: CONDITION_TEXTS[REFLEX]})
    by_hand = _BY_HAND.get(mode, NOT_READY)
    return Condition({by_hand: CONDITION_TEXTS[by_hand], **errors_as_faults(names)}, by_hand)


class FaultMemory:
    """Keeps the faults of one arm from onset until recovery. Any thread may call any method.

    Hand guiding is no fault but a warning: it ends when the arm is let go.

    Args:
        now_ns: The cell's clock.
        on_critical: Called without the lock after a fault was added that forbids motion.
    """

    def __init__(self, now_ns: Callable[[], int], on_critical: Callable[[], None]) -> None:
        self._now_ns = now_ns
        self._on_critical = on_critical
        self._lock = threading.Lock()
        self._active: dict[str, DeviceFault] = {}
        self.active: tuple[DeviceFault, ...] = ()
        """The active faults, oldest first."""
        self.forbids_motion = False
        """Whether one of them is critical, or a hand is on the arm."""

    def note(self, condition: Condition) -> None:
        """Adds the faults of a state; those that it no longer holds stay until recovery."""
        if not condition.faults and not self.active:
            return
        for name, text in condition.faults.items():
            self.add(name, text, critical=name != GUIDING, clearable=name != condition.by_hand)
        for name in _BY_HAND.values():
            if name != condition.by_hand:
                self.allow_recovery(name)
        if condition.by_hand != GUIDING:
            self.drop((GUIDING,))

    def add(self, name: str, text: str, *, critical: bool = True, clearable: bool = True) -> None:
        """Adds a fault; one that is active keeps its onset and text."""
        with self._lock:
            known = self._active.get(name)
            if known is None:
                fault = DeviceFault(
                    id=name,
                    source=FaultSource.ARM,
                    severity=FaultSeverity.CRITICAL if critical else FaultSeverity.WARNING,
                    onset_time_ns=self._now_ns(),
                    text=text,
                    clearable=clearable,
                    by_hand=name in _HANDS and not clearable,
                )
                self._replace(self._active | {name: fault})
            elif known.clearable is not clearable:
                by_hand = name in _HANDS and not clearable
                self._replace(self._active | {name: replace(known, clearable=clearable, by_hand=by_hand)})
        if known is None and (critical or name == GUIDING):
            self._on_critical()

    def allow_recovery(self, name: str) -> None:
        """Lets recovery clear a fault, because its cause has gone."""
        with self._lock:
            known = self._active.get(name)
            if known is not None and not known.clearable:
                self._replace(self._active | {name: replace(known, clearable=True, by_hand=False)})

    def drop(self, names: Sequence[str]) -> None:
        """Drops those of the faults that can be cleared: recovery succeeded, or a warning's cause has gone."""
        with self._lock:
            self._replace(
                {name: fault for name, fault in self._active.items() if name not in names or not fault.clearable}
            )

    def _replace(self, active: dict[str, DeviceFault]) -> None:
        self._active = active
        self.active = tuple(active.values())
        self.forbids_motion = any(
            fault.severity is FaultSeverity.CRITICAL or fault.by_hand for fault in active.values()
        )
