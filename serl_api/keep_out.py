"""Keeps targets out of a box, such as what stands between two bins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serl_api.values import FloatArray, Triple


@dataclass(frozen=True, kw_only=True)
class KeepOut:
    """Bounds what the TCP stays out of, by a box in `base`.

    Raises:
        ValueError: A lower bound is not below its upper one.
    """

    lower: Triple
    """Lower corner, m."""
    upper: Triple
    """Upper corner, m."""

    def __post_init__(self) -> None:
        if not all(low < high for low, high in zip(self.lower, self.upper, strict=True)):
            raise ValueError(f"the lower bounds {self.lower} must be below the upper ones {self.upper}")

    def stop(self, start: FloatArray, goal: FloatArray) -> FloatArray:
        """Returns a goal that is not inside and is reached straight from the start without crossing the inside.

        A way into the box ends at the face that it comes to and slides along that. An arm that was pushed inside is led
        back out by the face that is nearest to it.

        Args:
            start: Where the way begins, shape (3,), m.
            goal: Where it should end, shape (3,), m.
        """
        lower, upper = np.array(self.lower), np.array(self.upper)
        is_outside = (start <= lower) | (start >= upper)
        if not is_outside.any():
            return self._led_out(start, goal)
        near = np.where(start <= lower, lower, upper)
        far = np.where(goal >= start, upper, lower)
        way = goal - start
        moves = way != 0.0
        enter = np.divide(near - start, way, out=np.full(3, np.inf), where=moves)
        leave = np.divide(far - start, way, out=np.full(3, np.inf), where=moves)
        entered = np.where(is_outside, np.where(enter < 0.0, np.inf, enter), -np.inf)
        axis = int(entered.argmax())
        if entered[axis] >= min(1.0, float(leave.min())):
            return goal
        stopped = goal.copy()
        stopped[axis] = near[axis]
        return stopped

    def _led_out(self, start: FloatArray, goal: FloatArray) -> FloatArray:
        faces = np.concatenate((self.lower, self.upper))
        nearest = int(np.abs(faces - np.tile(start, 2)).argmin())
        axis, is_upper = nearest % 3, nearest >= 3
        out = goal.copy()
        out[axis] = max(goal[axis], faces[nearest]) if is_upper else min(goal[axis], faces[nearest])
        return out
