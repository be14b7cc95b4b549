"""Links successive rows of the ring for transitions and stacks of frames."""

from __future__ import annotations

import numpy as np

_NO_ROW = -1


class RowLinks:
    """Holds the neighbours of a ring's rows by slot. Never stored: they follow from the rows. Not thread-safe.

    A row with a successor is a transition, unless frames of its stack were overwritten.

    Args:
        capacity: Number of slots.
        frame_stack: Frames of a stack: a row's own and those of the rows before it.
    """

    def __init__(self, capacity: int, frame_stack: int) -> None:
        self._frame_stack = frame_stack
        self.successors = np.full(capacity, _NO_ROW, np.int64)
        """Slot of the next row of the same episode; -1 for none."""
        self.is_transition = np.zeros(capacity, bool)
        """Whether a row may be drawn."""
        self.transition_count = 0
        """How many rows may be drawn."""
        self._predecessors = np.full(capacity, _NO_ROW, np.int64)
        self._missing = np.zeros(capacity, np.int64)  # Frames of a row's stack that were overwritten.

    def link(self, slots: np.ndarray, follows: np.ndarray) -> np.ndarray:
        """Links the rows of a chain.

        Args:
            slots: The rows in order. Shape (N,).
            follows: Whether each row but the first goes on with the episode of the one before. Shape (N - 1,).

        Returns:
            Whether each row but the last is a new transition. Shape (N - 1,).
        """
        first, second = slots[:-1], slots[1:]
        self.successors[first[follows]] = second[follows]
        self._predecessors[second[follows]] = first[follows]
        if self._frame_stack > 1 and self._missing[first].any():
            for before, after in zip(first[follows], second[follows], strict=True):
                self._missing[after] = max(self._missing[before] - 1, 0)
        is_new = follows & (self._missing[first] == 0)
        self.is_transition[first[is_new]] = True
        self.transition_count += int(is_new.sum())
        return is_new

    def begin_without_past(self, slot: int) -> None:
        """Notes that the rows before one were overwritten, so that the next stacks lack frames."""
        self._missing[slot] = self._frame_stack - 1

    def release(self, slots: np.ndarray) -> None:
        """Forgets rows that will be overwritten."""
        orphans = self.successors[slots]
        orphans = orphans[orphans != _NO_ROW]
        self.transition_count -= int(self.is_transition[slots].sum())
        self.is_transition[slots] = False
        self.successors[slots] = self._predecessors[slots] = _NO_ROW
        self._missing[slots] = 0
        orphans = orphans[~np.isin(orphans, slots)]
        self._predecessors[orphans] = _NO_ROW
        for missing in range(self._frame_stack - 1, 0, -1):
            self.transition_count -= int(self.is_transition[orphans].sum())
            self.is_transition[orphans] = False
            self._missing[orphans] = missing
            orphans = self.successors[orphans]
            orphans = orphans[orphans != _NO_ROW]

    def has_whole_stack(self, slots: np.ndarray) -> np.ndarray:
        """Returns whether no frame of the stacks of some rows was overwritten. Shape (N,)."""
        return self._missing[slots] == 0

    def stacks(self, slots: np.ndarray) -> np.ndarray:
        """Returns the slots of some rows' stacks, oldest first; where none is older, the oldest once more.

        Args:
            slots: Shape (N,).

        Returns:
            Shape (F, N).
        """
        stack = [slots]
        for _ in range(self._frame_stack - 1):
            before = self._predecessors[stack[-1]]
            stack.append(np.where(before == _NO_ROW, stack[-1], before))
        return np.stack(stack[::-1])
