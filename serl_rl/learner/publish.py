"""Publishes the newest policy to its watchers in pieces of about 1 MB; the latest version wins."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_PIECE_BYTES = 1_000_000
_HISTORY_BYTES = 64_000_000
_HISTORY_LEAST = 4
_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class PolicySnapshot:
    """Holds one version of the policy."""

    version: int
    """Gradient updates it has seen, plus 1."""
    data: bytes
    """The arrays of the policy's layout, one after the other."""
    env_steps: int
    """Environment steps that the learner had when it made this version."""


@dataclass(frozen=True, slots=True)
class PolicyPiece:
    """Holds a piece of a version's bytes."""

    snapshot: PolicySnapshot
    """The version."""
    offset: int
    """Position of the piece in the version's bytes."""
    data: bytes
    """The piece."""


class PolicyPublisher:
    """Holds the newest version and a short history. Safe from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.newest: PolicySnapshot | None = None
        """The newest version; None before the first."""
        self._history: OrderedDict[int, PolicySnapshot] = OrderedDict()
        self._closed = False

    def publish(self, snapshot: PolicySnapshot) -> None:
        """Makes a version the newest and wakes everyone who watches.

        Args:
            snapshot: The version; an older one than the newest is ignored.
        """
        with self._changed:
            if self.newest is not None and snapshot.version <= self.newest.version:
                return
            self.newest = snapshot
            self._history[snapshot.version] = snapshot
            while len(self._history) > max(_HISTORY_LEAST, _HISTORY_BYTES // max(len(snapshot.data), 1)):
                self._history.popitem(last=False)
            self._changed.notify_all()

    def find(self, version: int) -> PolicySnapshot | None:
        """Finds a version that was published lately, such as the one that an actor has just evaluated."""
        with self._changed:
            return self._history.get(version)

    def close(self) -> None:
        """Ends every watch."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait_newer(self, known_version: int, timeout_s: float) -> PolicySnapshot | None:
        """Waits for a newer version.

        Args:
            known_version: Version that the caller has.
            timeout_s: Longest wait in s.

        Returns:
            The newest version, or None if there is no newer one.
        """
        return self._wait(known_version, timeout_s, lambda: True)

    def wake(self) -> None:
        """Lets every watch ask whether somebody still listens."""
        with self._changed:
            self._changed.notify_all()

    def watch(self, known_version: int, is_active: Callable[[], bool]) -> Iterator[PolicyPiece]:
        """Yields the pieces of each newer version; a newer one interrupts an older.

        Args:
            known_version: Version that the caller has.
            is_active: Whether somebody still listens; asked after `wake`, and at least twice a second.

        Yields:
            Pieces in order.
        """
        while is_active() and not self._closed:
            snapshot = self._wait(known_version, _POLL_S, is_active)
            if snapshot is None:
                continue
            known_version = snapshot.version
            for offset in range(0, len(snapshot.data), _PIECE_BYTES):
                if self._is_newer(snapshot.version):
                    break
                yield PolicyPiece(snapshot, offset, snapshot.data[offset : offset + _PIECE_BYTES])

    def _wait(self, known_version: int, timeout_s: float, is_active: Callable[[], bool]) -> PolicySnapshot | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._is_newer(known_version) or not is_active(), timeout_s)
            return self.newest if self._is_newer(known_version) else None

    def _is_newer(self, known_version: int) -> bool:
        return self.newest is not None and self.newest.version > known_version
