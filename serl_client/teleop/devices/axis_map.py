"""Maps raw axes of a device to a twist in base axes: direction, dead zone, scale, and the person's place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from serl_api.values import FloatArray

Viewpoint: TypeAlias = Literal["facing", "behind"]
"""Where the person stands: in front of the arm and facing it, as SERL assumes, or behind it, looking along `base` x."""

_FACING = np.array((-1.0, -1.0, 1.0, -1.0, -1.0, 1.0))


@dataclass(frozen=True, kw_only=True)
class AxisMap:
    """Maps raw axes to components of the twist.

    The components are first those of the person's own frame (x away from the person, y to the left, z up; rotation by
    the right-hand rule), then turned into `base` by the viewpoint.
    """

    sources: tuple[int | None, ...]
    """For x, y, z, rx, ry, rz: index of the raw axis, None for none. 6 of them."""
    signs: tuple[int, ...]
    """For each: 1, or -1 where the raw axis points the other way."""
    full_scale: float
    """Raw value that counts as 1; larger ones do not count more."""
    dead_zone: float = 0.1
    """Share of the full scale that counts as 0, in [0, 1). What is beyond begins at 0, without a jump."""
    translation_scale: float = 1.0
    """Largest translation, as a share of the environment's full step, in (0, 1]."""
    rotation_scale: float = 1.0
    """Largest rotation, as a share of the environment's full step, in [0, 1]; 0 leaves the orientation alone."""
    viewpoint: Viewpoint = "facing"
    """Where the person stands."""

    def __post_init__(self) -> None:
        """Refuses values that cannot work."""
        if len(self.sources) != 6 or len(self.signs) != 6:
            raise ValueError(f"an axis map needs 6 sources and signs, not {len(self.sources)} and {len(self.signs)}")
        if not 0.0 <= self.dead_zone < 1.0:
            raise ValueError(f"the dead zone is {self.dead_zone}; it must be at least 0 and below 1")
        if not 0.0 < self.translation_scale <= 1.0:
            raise ValueError(f"the translation scale is {self.translation_scale}; it must be above 0 and at most 1")
        if not 0.0 <= self.rotation_scale <= 1.0:
            raise ValueError(f"the rotation scale is {self.rotation_scale}; it must be between 0 and 1")
        if self.full_scale <= 0.0:
            raise ValueError(f"the full scale is {self.full_scale}; it must be above 0")

    def twist(self, axes: Sequence[int]) -> FloatArray:
        """Computes the twist of raw axes, shape (6,), in [-1, 1], `base` axes."""
        raw = [0 if source is None else axes[source] for source in self.sources]
        share = np.clip(np.array(raw, float) * self.signs / self.full_scale, -1.0, 1.0)
        beyond = np.maximum(np.abs(share) - self.dead_zone, 0.0) / (1.0 - self.dead_zone)
        twist = np.sign(share) * beyond
        twist[:3] *= self.translation_scale
        twist[3:] *= self.rotation_scale
        return twist * _FACING if self.viewpoint == "facing" else twist
