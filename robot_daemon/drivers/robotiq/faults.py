"""Translates the gripper's fault codes into faults, and keeps critical ones until somebody clears them.

Source of the codes: Robotiq, "2F-85 & 2F-140 Instruction Manual", register "Fault status" (gFLT).
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from robot_daemon.drivers.robotiq.registers import Status
from robot_daemon.hardware.devices import DeviceFault
from serl_api.enums import FaultSeverity, FaultSource

LOST_ID = "gripper_lost"
INACTIVE_ID = "gripper_not_activated"

_ACTIVATE = "activate it (serl-robot gripper --activate); the fingers then close and open fully"
_RESET = "recover from the fault, which resets the gripper, then activate it"


@dataclass(frozen=True)
class FaultCode:
    """Says what a value of gFLT means."""

    id: str
    severity: FaultSeverity
    text: str


def _warning(name: str, text: str) -> FaultCode:
    return FaultCode(name, FaultSeverity.WARNING, text)


def _critical(name: str, text: str) -> FaultCode:
    return FaultCode(name, FaultSeverity.CRITICAL, text)


FAULTS: Mapping[int, FaultCode] = {
    0x5: _warning("gripper_action_delayed", "the gripper is not activated yet; it obeys when its activation is done"),
    0x7: _warning(INACTIVE_ID, f"the gripper is not activated and ignores targets; {_ACTIVATE}"),
    0x8: _warning(
        "gripper_overheated", "the gripper is too hot and rests; let it cool down, and use less force or fewer grasps"
    ),
    0x9: _warning("gripper_unheard", "the gripper heard nothing for a second; check the load of this machine"),
    0xA: _critical("gripper_undervoltage", f"the gripper's supply is too low; check the 24 V supply, {_RESET}"),
    0xB: _critical(
        "gripper_releasing", f"the gripper opens by its automatic release and may drop its object; {_RESET}"
    ),
    0xC: _critical("gripper_internal", f"the gripper has an internal fault; {_RESET}; if it returns, ask Robotiq"),
    0xD: _critical("gripper_activation", f"the activation failed; clear the way of the fingers, {_RESET}"),
    0xE: _critical("gripper_overcurrent", f"the gripper's motor drew too much current; free the fingers, {_RESET}"),
    0xF: _critical("gripper_released", f"the automatic release is complete and the object was let go; {_RESET}"),
}
"""By gFLT. 5 and 7 are what Robotiq calls priority faults, 8 and 9 minor ones, the rest major ones, which need a reset.
A warning ends with its cause; a critical one stays until somebody clears it."""

_INACTIVE = FAULTS[0x7]


def unknown_code(code: int) -> FaultCode:
    """Describes a value that the manual does not list."""
    return _critical(f"gripper_code_{code}", f"the gripper reports fault code {code}, which is not known; {_RESET}")


class FaultMemory:
    """Keeps the active faults of one gripper. One thread reports, any thread reads."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._lock = threading.Lock()
        self.active: tuple[DeviceFault, ...] = ()
        """Active faults."""

    def note_status(self, status: Status, time_ns: int) -> None:
        """Takes in what the gripper reports; critical faults stay when it reports them no more."""
        codes: list[FaultCode] = []
        if status.fault:
            codes.append(FAULTS.get(status.fault) or unknown_code(status.fault))
        elif status.is_reset:
            codes.append(_INACTIVE)
        self._replace([_fault(code, time_ns) for code in codes])

    def note_loss(self, reason: str, time_ns: int) -> None:
        """Takes in that the gripper cannot be reached. Critical faults stay."""
        text = (
            f"the gripper on {self._where} is lost: {reason}; check cable and supply, it returns by itself and then "
            "stays still until it is told to move"
        )
        self._replace([_fault(_warning(LOST_ID, text), time_ns)])

    def note_reset(self) -> None:
        """Drops critical faults; those that persist come back with the next report."""
        with self._lock:
            self.active = tuple(fault for fault in self.active if fault.severity is not FaultSeverity.CRITICAL)

    def _replace(self, present: list[DeviceFault]) -> None:
        if not present and not self.active:
            return
        with self._lock:
            known = {fault.id: fault for fault in self.active}
            kept = {fault.id: fault for fault in self.active if fault.severity is FaultSeverity.CRITICAL}
            self.active = tuple((kept | {fault.id: known.get(fault.id, fault) for fault in present}).values())


def _fault(code: FaultCode, time_ns: int) -> DeviceFault:
    return DeviceFault(
        id=code.id,
        source=FaultSource.GRIPPER,
        severity=code.severity,
        onset_time_ns=time_ns,
        text=code.text,
        clearable=code.severity is FaultSeverity.CRITICAL,
    )
