"""Defines the faults that the daemon finds by itself, and judges whether the cause of one is still there."""

from robot_daemon.control.active_cell import ActiveCell
from robot_daemon.hardware.devices import ArmSample, DeviceFault
from serl_api.enums import FaultSeverity, FaultSource, Pacing

CONTACT_FAULT = "contact_force"
HAND_FAULT = "guided_under_control"


def is_contact(state: ArmSample, bound_n: float) -> bool:
    """Returns whether the external force is above the bound."""
    fx, fy, fz = state.external_wrench[:3].tolist()
    return fx * fx + fy * fy + fz * fz > bound_n * bound_n


def contact_fault(state: ArmSample, bound_n: float) -> DeviceFault:
    """Makes the fault of an external force above the bound."""
    force = float((state.external_wrench[:3] ** 2).sum()) ** 0.5
    text = f"the external force was {force:.1f} N, above the bound of {bound_n:g} N"
    return _critical(CONTACT_FAULT, state.time_ns, text)


def hand_fault(client_name: str, now_ns: int) -> DeviceFault:
    """Makes the fault of an arm that was taken by hand while a client controlled it. It stays until recovery."""
    text = f'somebody took the arm by hand while "{client_name}" controlled it; let it go, then recover'
    return _critical(HAND_FAULT, now_ns, text)


def persists(fault: DeviceFault, active_cell: ActiveCell, state: ArmSample) -> bool:
    """Returns whether the cause of one of the daemon's own faults is still there."""
    if fault.id == CONTACT_FAULT:
        if active_cell.cell.timebase.pacing is Pacing.LOCKSTEP:
            return False  # Time stands still, so contact cannot end; the next tick raises it again if it goes on.
        return is_contact(state, active_cell.limits.config.contact_force_n)
    if fault.id == HAND_FAULT:
        return active_cell.faults.is_by_hand
    if fault.source is FaultSource.CAMERA:
        return not active_cell.sensors.is_delivering(fault.id.partition(".")[2])
    return False


def _critical(fault_id: str, onset_time_ns: int, text: str) -> DeviceFault:
    return DeviceFault(
        id=fault_id,
        source=FaultSource.ARM,
        severity=FaultSeverity.CRITICAL,
        onset_time_ns=onset_time_ns,
        text=text,
    )
