"""Emulates the computer inside a Franka Hand: homing, moves, grasps, and when each is over."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from simulator.virtual.fingers import Fingers, FingerState, FingerTarget
from simulator.virtual.hand.protocol import Kind, Message, Outcome

MOVE_FORCE = 20.0
"""Force of a move that meets something, N."""
MAX_SPEED = 0.1
"""Fastest change of the opening, m/s."""
_BLOCKED_S = 0.15
_REACHED_M = 0.0005


@dataclass(frozen=True)
class Ended:
    """Describes a command that is over."""

    message: Message
    outcome: Outcome


class Hand:
    """Runs one command at a time; a newer one aborts it. For one thread.

    Args:
        fingers: What it moves.
        stroke: Largest opening, m.
        is_homed: Whether it knows its largest opening from the start.
        homing_speed: How fast homing goes, m/s.
        now_s: Clock.
    """

    def __init__(
        self,
        fingers: Fingers,
        stroke: float = 0.08,
        *,
        is_homed: bool = True,
        homing_speed: float = MAX_SPEED,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fingers = fingers
        self._stroke = stroke
        self._now_s = now_s
        self._is_homed = is_homed
        self._homing_speed = homing_speed
        self._running: Message | None = None
        self._has_closed = False
        self._target: FingerTarget | None = None
        self._blocked_since: float | None = None
        self._grasp_range: tuple[float, float] | None = None

    @property
    def max_width(self) -> float:
        """Returns the opening that homing found, m; 0 before."""
        return self._stroke if self._is_homed else 0.0

    def begin(self, message: Message) -> list[Ended]:
        """Takes a command; returns those that end by it."""
        ended = [] if self._running is None else [Ended(self._running, Outcome.ABORTED)]
        self._running, self._blocked_since = None, None
        if message.kind is Kind.STOP:
            self._target = None
            return [*ended, Ended(message, Outcome.SUCCESS)]
        if message.kind is not Kind.HOMING and not self._is_homed:
            return [*ended, Ended(message, Outcome.FAIL)]
        self._running, self._grasp_range = message, None
        if message.kind is Kind.MOVE:
            width, speed = message.values
            self._target = _target(min(max(width, 0.0), self._stroke), speed, MOVE_FORCE)
        elif message.kind is Kind.GRASP:
            self._target = _target(0.0, message.values[3], message.values[4])
        else:
            self._has_closed = False
            self._target = FingerTarget(width=0.0, speed=self._homing_speed, force=MOVE_FORCE)
        return ended

    def advance(self) -> tuple[FingerState, bool, list[Ended]]:
        """Lets time pass; returns the fingers, whether an object is grasped, and what ended."""
        state = self._fingers.advance(self._target)
        ended = []
        if self._running is not None and self._target is not None and self._has_stopped(state, self._target.width):
            outcome = self._judge(self._running, state)
            if outcome is not None:
                ended.append(Ended(self._running, outcome))
                self._running = None
        return state, self._is_grasped(state), ended

    def _has_stopped(self, state: FingerState, goal: float) -> bool:
        if abs(state.width - goal) <= _REACHED_M:
            return True
        if not state.object_held:
            self._blocked_since = None
            return False
        self._blocked_since = self._blocked_since or self._now_s()
        return self._now_s() - self._blocked_since >= _BLOCKED_S

    def _judge(self, message: Message, state: FingerState) -> Outcome | None:
        """Judges how a command whose fingers stand has ended; None when it goes on."""
        self._blocked_since = None
        if message.kind is Kind.GRASP:
            width, inner, outer = message.values[:3]
            self._grasp_range = (width - inner, width + outer)
            return Outcome.SUCCESS if self._is_grasped(state) else Outcome.UNSUCCESSFUL
        if message.kind is Kind.MOVE:
            is_there = abs(state.width - message.values[0]) <= 2.0 * _REACHED_M
            return Outcome.SUCCESS if is_there else Outcome.UNSUCCESSFUL
        if not self._has_closed:
            self._has_closed = True
            self._target = FingerTarget(width=self._stroke, speed=self._homing_speed, force=MOVE_FORCE)
            return None
        self._is_homed = True
        return Outcome.SUCCESS

    def _is_grasped(self, state: FingerState) -> bool:
        if self._grasp_range is None:
            return False
        return self._grasp_range[0] < state.width < self._grasp_range[1] and state.object_held


def _target(width: float, speed: float, force: float) -> FingerTarget:
    return FingerTarget(width=width, speed=min(speed, MAX_SPEED), force=force)
