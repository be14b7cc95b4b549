"""Defines the events of a cell, which the core emits to the log, the black box and the service manager."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from robot_daemon.hardware.devices import ArmSample, DeviceFault, GripperSample
from serl_api.enums import FaultSource
from serl_api.values import GripperTarget, Target

FieldValue: TypeAlias = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Event:
    """Describes one event, its time and its fields."""

    name: str
    """Such as "session_opened"; docs/hardware/operations.md lists them."""
    time_ns: int
    """When, on the cell's clock."""
    fields: Mapping[str, FieldValue] = field(default_factory=lambda: MappingProxyType({}))
    is_warning: bool = False
    """Whether a person should look at it."""


def raised_event(fault: DeviceFault, now_ns: int) -> Event:
    """Makes the event of a fault that became active."""
    name = "camera_lost" if fault.source is FaultSource.CAMERA else "fault_raised"
    fields = {**_fault_fields(fault), "severity": fault.severity.name.lower(), "text": fault.text}
    return Event(name, now_ns, fields, is_warning=True)


def ended_event(fault: DeviceFault, now_ns: int) -> Event:
    """Makes the event of a fault that is no longer active."""
    name = "camera_returned" if fault.source is FaultSource.CAMERA else "fault_cleared"
    seconds = round((now_ns - fault.onset_time_ns) * 1e-9, 3)
    return Event(name, now_ns, {**_fault_fields(fault), "seconds": seconds})


def _fault_fields(fault: DeviceFault) -> dict[str, FieldValue]:
    return {"fault": fault.id, "source": fault.source.name.lower(), "onset_time_ns": fault.onset_time_ns}


class Command(NamedTuple):
    """Records the targets that a session sent to the devices."""

    time_ns: int
    """When they took effect, on the cell's clock."""
    sequence_number: int
    """Of the request."""
    target: Target | None
    """What the arm was told; None kept the last target alive."""
    gripper: GripperTarget | None
    """What the gripper was told; None left it alone."""


class EventListener:
    """Receives the events of a cell. Each method does nothing unless a subclass overrides it.

    The threads that control the arm call these, some with the core's lock held: a listener must neither block nor
    raise.
    """

    def beat(self) -> None:
        """Called each time the sampling thread has gone round while commands could be sent."""

    def sampled(self, arm: ArmSample, gripper: GripperSample | None) -> None:
        """Called with each state that the sampling thread reads."""

    def commanded(self, command: Command) -> None:
        """Called with each command of a session to the devices."""

    def on_event(self, event: Event) -> None:
        """Called with each event."""

    def recording_of(self, fault: DeviceFault) -> str:
        """Returns the file with the last seconds before a fault; empty when this listener keeps none."""
        return ""

    def close(self) -> None:
        """Called when the cell is closed; what is kept must be safe when it returns. May block."""


class EventListeners(EventListener):
    """Passes everything on to several listeners, in order."""

    def __init__(self, listeners: Sequence[EventListener] = ()) -> None:
        self._all = tuple(listeners)

    def beat(self) -> None:
        """Calls every listener."""
        for listener in self._all:
            listener.beat()

    def sampled(self, arm: ArmSample, gripper: GripperSample | None) -> None:
        """Calls every listener."""
        for listener in self._all:
            listener.sampled(arm, gripper)

    def commanded(self, command: Command) -> None:
        """Calls every listener."""
        for listener in self._all:
            listener.commanded(command)

    def on_event(self, event: Event) -> None:
        """Calls every listener."""
        for listener in self._all:
            listener.on_event(event)

    def recording_of(self, fault: DeviceFault) -> str:
        """Returns the first file that a listener knows."""
        return next((path for listener in self._all if (path := listener.recording_of(fault))), "")

    def close(self) -> None:
        """Closes every listener."""
        for listener in self._all:
            listener.close()
