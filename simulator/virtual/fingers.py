"""Models the two fingers of a virtual gripper: their interface, and fingers that close on a rigid object."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class FingerTarget:
    """Says where the fingers should go: m, m/s, N."""

    width: float
    speed: float
    force: float


@dataclass(frozen=True, kw_only=True)
class FingerState:
    """Says where the fingers are."""

    width: float
    """Opening, m."""
    force: float
    """Closing force on what is between them, N."""
    object_held: bool
    """Whether something stops them before their target."""


class Fingers(Protocol):
    """Moves fingers with a clock of their own."""

    def advance(self, target: FingerTarget | None) -> FingerState:
        """Lets the time since the last call pass, then goes for a target from now on; None stays where they are."""
        ...


class RigidFingers:
    """Moves fingers at constant speed, with or without a rigid object between them.

    Args:
        stroke: Largest opening, m; they begin there.
        now_s: Clock.
    """

    def __init__(self, stroke: float, now_s: Callable[[], float] = time.monotonic) -> None:
        self._stroke = stroke
        self._now_s = now_s
        self._lock = threading.Lock()
        self._time_s = now_s()
        self._width = stroke
        self._target: FingerTarget | None = None
        self._object_width: float | None = None

    def place_object(self, width: float | None) -> None:
        """Puts an object of some width between the fingers, where it fits; None takes it away."""
        with self._lock:
            self._move()
            self._object_width = width if width is not None and width <= self._width else None

    def advance(self, target: FingerTarget | None) -> FingerState:
        """Moves at constant speed until the target, the object or a stop."""
        with self._lock:
            self._move()
            self._target = target
            held = self._object_width is not None and target is not None and self._width > target.width
            held = held and self._object_width is not None and self._width <= self._object_width + 1e-9
            force = target.force if held and target is not None else 0.0
            return FingerState(width=self._width, force=force, object_held=held)

    def _move(self) -> None:
        now_s = self._now_s()
        elapsed, self._time_s = now_s - self._time_s, now_s
        target = self._target
        if target is None:
            return
        lower = self._object_width or 0.0
        goal = min(max(target.width, lower), self._stroke)
        reach = target.speed * elapsed
        self._width += min(max(goal - self._width, -reach), reach)
