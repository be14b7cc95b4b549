"""Keeps injected conditions: what is wrong, and until when."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto


class Condition(Enum):
    """Names what can be made to go wrong."""

    ACTION_DELAY = auto()
    CAMERA_DROPOUT = auto()
    CAMERA_LATENCY = auto()
    CONTACT_REFLEX = auto()
    GRIPPER_JAM = auto()
    HAND_GUIDING = auto()
    OBSERVATION_DELAY = auto()
    TARGET_FILTER = auto()


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Describes a delay."""

    delay_ns: int
    """Mean."""
    jitter_ns: int
    """Half width of the uniform distribution about the mean."""


@dataclass(frozen=True, kw_only=True)
class _Entry:
    until_ns: int | None
    latency: Latency | None


class Injections:
    """Keeps the injected conditions of one cell. Any thread may call any method."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._entries: dict[tuple[Condition, str], _Entry] = {}
        self._lock = threading.Lock()

    def inject(
        self, condition: Condition, *, device: str = "", duration_ns: int | None = None, latency: Latency | None = None
    ) -> None:
        """Makes a condition true for a time on the cell's clock, or until `clear`."""
        until = None if duration_ns is None else self._now_ns() + duration_ns
        with self._lock:
            self._entries[condition, device] = _Entry(until_ns=until, latency=latency)

    def clear(self) -> None:
        """Ends every condition."""
        with self._lock:
            self._entries.clear()

    def is_active(self, condition: Condition, device: str = "") -> bool:
        """Returns whether a condition is true now."""
        return bool(self._entries) and self._find(condition, device) is not None

    def latency_of(self, condition: Condition, device: str = "") -> Latency | None:
        """Returns the delay that a condition means; None when it is not true now."""
        entry = self._find(condition, device) if self._entries else None
        return None if entry is None else entry.latency

    def _find(self, condition: Condition, device: str) -> _Entry | None:
        entry = self._entries.get((condition, device))
        if entry is None or (entry.until_ns is not None and self._now_ns() >= entry.until_ns):
            return None
        return entry
