"""Keeps the state of a motion between its Move command and its end."""

from collections import deque

import numpy as np

from simulator.virtual.fci.controller.followers import Follower
from simulator.virtual.fci.faults import Fault
from simulator.virtual.fci.protocol import Controller, MoveRequest

SUCCESS_WINDOW = 100
"""Cycles over which the success rate counts."""


class Motion:
    """Holds one motion.

    Args:
        command_id: Of the Move that asked for it; its end is answered to this id.
        request: What was asked for.
        follower: Of the motion generator; None where the client commands torques alone.
    """

    def __init__(self, command_id: int, request: MoveRequest, follower: Follower | None) -> None:
        self.command_id = command_id
        self.controller = request.controller
        self.generator = request.generator
        self.follower = follower
        self.has_started = False
        """Whether a command has come."""
        self.is_ending = False
        """Whether the arm brakes, and the motion ends when it stands."""
        self.stop_id: int | None = None
        """Of the StopMove that ended it, which is answered then."""
        self._last_id = 0

    @property
    def takes_torques(self) -> bool:
        """Returns whether the client computes the torques."""
        return self.controller is Controller.EXTERNAL

    def follow(self, command: np.void) -> Fault | None:
        """Takes a new command into the reference; a fault ends the motion."""
        message_id = int(command["message_id"])
        cycles = max(1, message_id - self._last_id) if self.has_started else 1
        self._last_id = message_id
        self.has_started = True
        return None if self.follower is None else self.follower.follow(command, cycles)

    def is_finished(self, command: np.void) -> bool:
        """Returns whether the client marks a command as the last one."""
        return bool(command["torque_command_finished" if self.takes_torques else "motion_generation_finished"])


class CommandTally:
    """Counts the commands that came in time."""

    def __init__(self) -> None:
        self.missed_in_a_row = 0
        self.missed = 0
        """Since switching on."""
        self._window: deque[int] = deque(maxlen=SUCCESS_WINDOW)
        self._sum = 0
        self.restart()

    @property
    def success_rate(self) -> float:
        """Returns the share of commands that came in time, of the last `SUCCESS_WINDOW`."""
        return self._sum / SUCCESS_WINDOW

    def restart(self) -> None:
        """Begins a motion."""
        self.missed_in_a_row = 0
        self._window.extend([1] * SUCCESS_WINDOW)
        self._sum = SUCCESS_WINDOW

    def count_received(self) -> None:
        """Counts a command that came."""
        self.missed_in_a_row = 0
        self._append(1)

    def count_missed(self, *, has_started: bool) -> None:
        """Counts a command that did not come; before the first one this is no loss yet."""
        self.missed_in_a_row += 1
        if has_started:
            self.missed += 1
            self._append(0)

    def _append(self, received: int) -> None:
        self._sum += received - self._window[0]
        self._window.append(received)
