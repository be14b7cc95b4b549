"""Emulates the firmware of a Robotiq gripper: activation, motion, detection, faults.

Written from the manual's register tables, independently of the driver's own reading of them.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from simulator.virtual.fingers import Fingers, FingerState, FingerTarget

MAJOR_FAULTS = range(0x0A, 0x10)
_SETTLED_M = 0.0005


@dataclass(frozen=True, kw_only=True)
class Ratings:
    """Describes a model: m, m/s, N, counts at the stops, and how long things take in s."""

    stroke: float = 0.085
    min_speed: float = 0.020
    max_speed: float = 0.150
    min_force: float = 20.0
    max_force: float = 235.0
    open_counts: int = 3
    closed_counts: int = 230
    activation_s: float = 1.5
    echo_s: float = 0.0
    """How long until the position echo, and everything that depends on it, shows a new request."""


TWO_FINGER_85 = Ratings()
TWO_FINGER_140 = Ratings(stroke=0.140, min_speed=0.030, max_speed=0.250, min_force=10.0, max_force=125.0)


class _Stage(IntEnum):
    RESET = 0
    ACTIVATING = 1
    ACTIVE = 3


class Firmware:
    """Computes the status registers from the command registers. Any thread may call."""

    def __init__(
        self, fingers: Fingers, ratings: Ratings = TWO_FINGER_85, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._fingers = fingers
        self._ratings = ratings
        self._now_s = now_s
        self._lock = threading.RLock()
        self._stage = _Stage.RESET
        self._activated_at = 0.0
        self._fault = 0
        self._command = bytes(6)
        self._seen = bytes(6)
        self._seen_at = 0.0
        self._is_stuck = False
        self.activation_count = 0
        """Rising edges of rACT since it was switched on."""

    def write(self, command: bytes) -> None:
        """Takes the 6 bytes of the command registers."""
        with self._lock:
            self._update()
            was_active = self._command[0] & 1
            self._command = command
            if not command[0] & 1:
                self._reset()
            elif not was_active:
                self.activation_count += 1
                self._stage = _Stage.ACTIVATING
                self._activated_at = self._now_s() + self._ratings.activation_s
                self._fault = 0
            if self._ratings.echo_s:
                self._seen_at = self._now_s() + self._ratings.echo_s
            else:
                self._seen = command
            self._update()

    def read(self) -> bytes:
        """Returns the 6 bytes of the status registers."""
        with self._lock:
            state = self._update()
            status = (self._command[0] & 1) | self._stage << 4
            if self._goes:
                status |= 0x08 | self._detection(state) << 6
            position = self._counts(state.width)
            current = min(255, round(state.force / self._ratings.max_force * 60))
            return bytes((status, 0, self._shown_fault, self._seen[3], position, current))

    def set_fault(self, code: int) -> None:
        """Makes a fault appear; a major one stops the fingers until a reset."""
        with self._lock:
            self._update()
            self._fault = code

    def set_stuck(self, *, stuck: bool) -> None:
        """Lets an activation never end, or end."""
        self._is_stuck = stuck

    def switch_off_and_on(self) -> None:
        """Loses activation and requests, as after a loss of power."""
        with self._lock:
            self._command = self._seen = bytes(6)
            self._reset()

    @property
    def _goes(self) -> bool:
        return self._stage is _Stage.ACTIVE and bool(self._seen[0] & 0x08)

    @property
    def _shown_fault(self) -> int:
        if self._fault:
            return self._fault
        wants_to_go = bool(self._command[0] & 0x08)
        if wants_to_go and self._stage is _Stage.RESET:
            return 0x07
        return 0x05 if wants_to_go and self._stage is _Stage.ACTIVATING else 0

    def _reset(self) -> None:
        self._stage = _Stage.RESET
        self._fault = 0
        self._fingers.advance(None)

    def _update(self) -> FingerState:
        """Lets time pass: ends the activation, sees a new request, moves the fingers."""
        now_s, ratings = self._now_s(), self._ratings
        if self._seen != self._command and now_s >= self._seen_at:
            self._seen = self._command
        if self._stage is _Stage.ACTIVATING and not self._is_stuck and now_s >= self._activated_at:
            self._stage = _Stage.ACTIVE
        return self._fingers.advance(self._target(now_s, ratings))

    def _target(self, now_s: float, ratings: Ratings) -> FingerTarget | None:
        if self._fault in MAJOR_FAULTS or self._stage is _Stage.RESET:
            return None
        if self._stage is _Stage.ACTIVATING:  # Closes in the first half, opens in the second.
            closes = now_s < self._activated_at - 0.5 * ratings.activation_s
            speed = 2.0 * ratings.stroke / max(ratings.activation_s, 1e-6)
            width = 0.0 if closes else ratings.stroke
            return FingerTarget(width=width, speed=2.0 * speed, force=ratings.min_force)
        if not self._seen[0] & 0x08:
            return None
        position, speed, force = self._seen[3:6]
        return FingerTarget(
            width=self._width(position),
            speed=ratings.min_speed + speed / 255 * (ratings.max_speed - ratings.min_speed),
            force=ratings.min_force + force / 255 * (ratings.max_force - ratings.min_force),
        )

    def _detection(self, state: FingerState) -> int:
        goal = self._width(self._seen[3])
        if abs(state.width - goal) <= _SETTLED_M:
            return 3
        if not state.object_held:
            return 0
        return 2 if state.width > goal else 1

    def _width(self, position: int) -> float:
        ratings = self._ratings
        share = (position - ratings.open_counts) / (ratings.closed_counts - ratings.open_counts)
        return ratings.stroke * (1.0 - min(max(share, 0.0), 1.0))

    def _counts(self, width: float) -> int:
        ratings = self._ratings
        share = 1.0 - width / ratings.stroke
        counts = ratings.open_counts + share * (ratings.closed_counts - ratings.open_counts)
        return min(max(round(counts), 0), 255)
