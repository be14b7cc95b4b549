"""Bounds where episodes start and where the TCP may go, around a pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serl_api.rotation import canonical, conjugate, from_rotvec, multiply, to_rotvec
from serl_api.values import FloatArray, Pose, Triple


@dataclass(frozen=True, kw_only=True, eq=False)
class PoseBox:
    """Bounds poses by a box: a position in base axes, and a rotation vector in base axes, both from a centre.

    Raises:
        ValueError: A lower bound is above its upper one, or one of the rotation's is negative.
    """

    center: Pose
    """Pose from which the bounds count."""
    lower: Triple
    """Lower bounds of the position, m."""
    upper: Triple
    """Upper bounds of the position, m."""
    rotation: Triple
    """Bounds of the rotation vector's components on both sides, rad."""

    def __post_init__(self) -> None:
        if any(low > high for low, high in zip(self.lower, self.upper, strict=True)):
            raise ValueError(f"the lower bounds {self.lower} must not be above the upper ones {self.upper}")
        if min(self.rotation) < 0.0:
            raise ValueError(f"the bounds {self.rotation} of the rotation must not be negative")

    def clip(self, pose: Pose) -> Pose:
        """Returns the nearest pose inside, each component by itself."""
        offset = np.clip(pose.position - self.center.position, self.lower, self.upper)
        turn = np.clip(self._turn(pose), np.negative(self.rotation), self.rotation)
        return self._at(offset, turn)

    def draw(self, rng: np.random.Generator) -> Pose:
        """Draws a pose inside, uniform in each component."""
        return self._at(rng.uniform(self.lower, self.upper), rng.uniform(np.negative(self.rotation), self.rotation))

    def _turn(self, pose: Pose) -> FloatArray:
        inverse = conjugate(self.center.quaternion_xyzw.tolist())
        return np.array(to_rotvec(multiply(pose.quaternion_xyzw.tolist(), inverse)))

    def _at(self, offset: FloatArray, turn: FloatArray) -> Pose:
        rotated = multiply(from_rotvec(turn.tolist()), self.center.quaternion_xyzw.tolist())
        return Pose(self.center.position + offset, np.array(canonical(rotated)))
