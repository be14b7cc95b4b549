"""Implements a teleoperation device with axes and buttons over any connection."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from serl_client.teleop.devices.axis_map import AxisMap
from serl_client.teleop.devices.device import TeleopSample, still_sample
from serl_client.teleop.devices.report_reader import ReportReader


@dataclass(frozen=True, kw_only=True)
class ButtonRoles:
    """Assigns functions to buttons."""

    closes: int
    """Button that closes the gripper."""
    opens: int
    """Button that opens it."""
    names: Mapping[int, str] = field(default_factory=dict)
    """Names of buttons; others are called by their number."""

    @property
    def help(self) -> str:
        """Explains the buttons in one line."""
        closes, opens = (self.names.get(button, str(button)) for button in (self.closes, self.opens))
        return f"the {closes} button closes the gripper, the {opens} one opens it"

    def gripper(self, buttons: frozenset[int]) -> float:
        """Returns -1, 0 or 1; closing wins."""
        return -1.0 if self.closes in buttons else 1.0 if self.opens in buttons else 0.0

    def named(self, buttons: frozenset[int]) -> frozenset[str]:
        """Returns the names of buttons."""
        return frozenset(self.names.get(button, str(button)) for button in buttons)


class ReportDevice:
    """Turns the reports of a reader into twists and buttons; a `TeleopDevice`. Used from one thread.

    Args:
        reader: Delivers the newest state; closed with this.
        axes: Direction, dead zone and scale.
        roles: What buttons do.
        silence_s: A device that reports all the time while it is moved counts as still after so many seconds without a
            report: a radio link that breaks must not leave the arm moving. None for a device that reports changes only.
        silences_buttons: Whether buttons count as let go then, too: false for a device that reports a button once.
        clock: Seconds, monotonic; that of the reader.
    """

    def __init__(
        self,
        reader: ReportReader,
        axes: AxisMap,
        roles: ButtonRoles,
        *,
        silence_s: float | None,
        silences_buttons: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = reader.name
        """For messages."""
        self.help = roles.help
        """Explains the controls in one line."""
        self._reader = reader
        self._axes = axes
        self._roles = roles
        self._silence_s = silence_s
        self._silences_buttons = silences_buttons
        self._clock = clock
        self._seen = reader.newest.controls

    @property
    def fault(self) -> str:
        """Explains why it does not deliver; empty while it does."""
        return self._reader.newest.fault

    def read(self) -> TeleopSample:
        """Returns the newest sample."""
        reading = self._reader.newest
        if reading.fault:
            self._seen = reading.controls
            return still_sample(reading.time, is_connected=False)
        is_silent = self._silence_s is not None and self._clock() - reading.time > self._silence_s
        buttons = reading.controls.clicked_since(self._seen)
        if is_silent and self._silences_buttons:
            buttons = frozenset[int]()
        self._seen = reading.controls
        return TeleopSample(
            twist=np.zeros(6) if is_silent else self._axes.twist(reading.controls.axes),
            gripper=self._roles.gripper(buttons),
            buttons=self._roles.named(buttons),
            time=reading.time,
            is_connected=True,
        )

    def close(self) -> None:
        """Closes the device. Safe to repeat."""
        self._reader.close()
