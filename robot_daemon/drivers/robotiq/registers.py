"""Converts the gripper's registers, three of commands and three of status, between bytes and values.

Source: Robotiq, "2F-85 & 2F-140 Instruction Manual", section "Control": registers and their golden frames.
"""

from dataclasses import dataclass
from enum import IntEnum

COMMAND_ADDRESS = 0x03E8
STATUS_ADDRESS = 0x07D0
REGISTER_COUNT = 3

_ACTIVATE_BIT = 0x01  # rACT and gACT.
_GO_BIT = 0x08  # rGTO and gGTO.


class Activation(IntEnum):
    """Enumerates gSTA: how far the gripper's activation is."""

    RESET = 0
    ACTIVATING = 1
    ACTIVE = 3


class Detection(IntEnum):
    """Enumerates gOBJ: why the fingers are where they are. Void before the gripper has seen the newest request."""

    MOVING = 0
    STOPPED_OPENING = 1
    STOPPED_CLOSING = 2
    AT_POSITION = 3


@dataclass(frozen=True, kw_only=True)
class Command:
    """Holds what is written. Position 0 is open, 255 closed; speed and force grow with their counts."""

    activate: bool = False
    """rACT; 0 resets the gripper and clears its faults, 0 then 1 begins the activation."""
    go: bool = False
    """rGTO; the fingers move only while it is set."""
    position: int = 0
    """rPR, 0 to 255."""
    speed: int = 0
    """rSP, 0 to 255."""
    force: int = 0
    """rFR, 0 to 255."""

    def to_bytes(self) -> bytes:
        """Returns the contents of the command registers, 6 bytes."""
        action = _ACTIVATE_BIT * self.activate | _GO_BIT * self.go
        return bytes((action, 0, 0, self.position, self.speed, self.force))


@dataclass(frozen=True, kw_only=True)
class Status:
    """Holds what is read."""

    activated: bool
    """gACT, the echo of rACT."""
    go: bool
    """gGTO, the echo of rGTO."""
    activation: Activation
    """gSTA."""
    detection: Detection
    """gOBJ."""
    fault: int
    """gFLT, 0 to 15; see `faults.FAULTS`."""
    requested_position: int
    """gPR, the echo of the position request, counts."""
    position: int
    """gPO, measured, counts."""
    current: float
    """gCU, current of the motor, A."""

    @property
    def is_reset(self) -> bool:
        """Returns whether the gripper is not activated and nobody has asked it to be."""
        return self.activation is Activation.RESET and not self.activated

    @classmethod
    def from_bytes(cls, data: bytes) -> "Status":
        """Reads the 6 bytes of the status registers. The unused value 2 of gSTA counts as activating."""
        status, fault, requested, position, current = data[0], data[2], data[3], data[4], data[5]
        activation = (status >> 4) & 0x03
        return cls(
            activated=bool(status & _ACTIVATE_BIT),
            go=bool(status & _GO_BIT),
            activation=Activation.ACTIVATING if activation == 2 else Activation(activation),
            detection=Detection(status >> 6),
            fault=fault & 0x0F,
            requested_position=requested,
            position=position,
            current=0.01 * current,
        )
