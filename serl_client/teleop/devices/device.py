"""Defines the interface of teleoperation devices: newest sample, its time, and the fault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from serl_api.values import FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class TeleopSample:
    """Holds the person's twist and buttons at one time."""

    twist: FloatArray
    """Shape (6,), in [-1, 1], `base` axes: translation along x, y, z, then rotation about them. 1 is the full step of
    the environment. Zero while the device is missing."""
    gripper: float
    """-1 closes, 1 opens, 0 leaves the gripper as it is."""
    buttons: frozenset[str]
    """Names of the buttons or keys that are held, or were clicked since the sample before."""
    time: float
    """When the newest report came, s on the monotonic clock of this process; 0 before the first."""
    is_connected: bool
    """Whether the device is there."""

    @property
    def is_active(self) -> bool:
        """Returns whether the person asks for anything."""
        return self.gripper != 0.0 or bool(self.twist.any())


def still_sample(time: float, *, is_connected: bool) -> TeleopSample:
    """Makes a sample that asks for nothing."""
    return TeleopSample(twist=np.zeros(6), gripper=0.0, buttons=frozenset(), time=time, is_connected=is_connected)


class TeleopDevice(Protocol):
    """Reads a device in a person's hand. `read` never waits."""

    @property
    def name(self) -> str:
        """Returns its name for messages, such as "SpaceMouse Compact at /dev/hidraw3"."""
        ...

    @property
    def fault(self) -> str:
        """Explains why it does not deliver, in one sentence; empty while it does."""
        ...

    @property
    def help(self) -> str:
        """Explains its controls in one line."""
        ...

    def read(self) -> TeleopSample:
        """Returns the newest sample; one that asks for nothing while the device is missing."""
        ...

    def close(self) -> None:
        """Closes the device. Safe to repeat."""
        ...
