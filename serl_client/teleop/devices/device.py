"""What every teleoperation device delivers: the newest sample, when it was made, and whether the device is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from serl_api.values import FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class TeleopSample:
    """What a person asks for at one moment."""

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
        """Whether the person asks for anything."""
        return self.gripper != 0.0 or bool(self.twist.any())


def still_sample(time: float, *, is_connected: bool) -> TeleopSample:
    """A sample that asks for nothing."""
    return TeleopSample(twist=np.zeros(6), gripper=0.0, buttons=frozenset(), time=time, is_connected=is_connected)


class TeleopDevice(Protocol):
    """Something in a person's hand. `read` never waits."""

    @property
    def name(self) -> str:
        """What a message calls it, such as "SpaceMouse Compact at /dev/hidraw3"."""
        ...

    @property
    def fault(self) -> str:
        """Why it does not deliver, as one sentence; empty while it does."""
        ...

    @property
    def help(self) -> str:
        """How to drive with it, in one line."""
        ...

    def read(self) -> TeleopSample:
        """The newest sample; one that asks for nothing while the device is missing."""
        ...

    def close(self) -> None:
        """Lets go of the device. Safe to repeat."""
        ...
