"""Lets the time of a scene that two cells share pass only when both wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable

_LOOK_S = 0.05
"""How often somebody who waits looks whether the other session has ended, s."""


class Meeting:
    """Lets simulated time pass when every cell with an open control session waits for it, to the earliest instant.

    Two clients, or one that sends to both cells before it waits for either, so act at the same instant, whichever
    request comes first, and see the same instant afterwards: what follows does not depend on the order of threads. A
    cell without a session never holds the other up; one whose client does nothing does, until its session ends.

    Args:
        now_ns: Simulated time, ns.
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._is_busy: dict[object, Callable[[], bool]] = {}
        self._goals_ns: dict[object, int] = {}
        self._changed = threading.Condition()

    def join(self, member: object, is_busy: Callable[[], bool]) -> None:
        """Takes a cell in; says whether a session is open there."""
        self._is_busy[member] = is_busy

    def wait_until(self, member: object, time_ns: int, advance: Callable[[int], None]) -> None:
        """Returns when it is time.

        Args:
            member: Who waits.
            time_ns: For what.
            advance: Lets time pass, up to an instant.
        """
        with self._changed:
            self._goals_ns[member] = time_ns
            try:
                while self._now_ns() < time_ns:
                    if self._all_wait():
                        now_ns = self._now_ns()
                        advance(min(goal_ns for goal_ns in self._goals_ns.values() if goal_ns > now_ns))
                        self._changed.notify_all()
                    else:
                        self._changed.wait(_LOOK_S)
            finally:
                del self._goals_ns[member]

    def _all_wait(self) -> bool:
        """Whether all who are busy wait for an instant to come."""
        now_ns = self._now_ns()
        return all(
            self._goals_ns.get(member, now_ns) > now_ns for member, is_busy in self._is_busy.items() if is_busy()
        )
