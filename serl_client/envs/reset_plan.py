"""Defines how an arm that cannot be placed goes back to its start: out of what it is in, stiffer, then there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from serl_api.cell import Limits
from serl_api.rotation import Quaternion, angle_between, rotate, slerp
from serl_api.values import Compliance, FloatArray, Pose, Triple
from serl_client.session import ControlSession

RESET_COMPLIANCE = Compliance(
    translational_stiffness=3000.0,
    translational_damping=89.0,
    rotational_stiffness=300.0,
    rotational_damping=9.0,
    translational_clip_positive=(0.01, 0.01, 0.01),
    translational_clip_negative=(0.01, 0.01, 0.01),
    rotational_clip_positive=(0.1, 0.1, 0.1),
    rotational_clip_negative=(0.1, 0.1, 0.1),
)
"""SERL's for resets (`PRECISION_PARAM`); its rotation error is half of ours, so our rotational clip is twice its."""

_WITHIN = 1.0 - 1e-6
"""Share of a bound on rotation that a goal uses, so that rounding puts it on the right side."""


@dataclass(frozen=True, kw_only=True)
class Retreat:
    """Leads the TCP straight out of where an episode ended, in the orientation measured there."""

    offset: Triple
    """Way from the measured position, m."""
    frame: Literal["base", "tool"] = "base"
    """Axes of the offset. "tool": the TCP's as measured, z along the approach direction, so that negative z is back."""
    speed_ratio: float = 0.1
    """Fraction of the configured top speed, in (0, 1]. Slow: a faster arm leaves its line and presses against walls."""

    def __post_init__(self) -> None:
        """Checks the values.

        Raises:
            ValueError: Another frame, or no three finite numbers.
        """
        if self.frame not in ("base", "tool"):
            raise ValueError(f"frame is {self.frame!r}; it must be 'base' or 'tool'")
        if len(self.offset) != 3 or not np.isfinite(self.offset).all():
            raise ValueError(f"offset is {self.offset}; it must be three finite numbers, in m")
        if not 0.0 < self.speed_ratio <= 1.0:
            raise ValueError(f"speed_ratio is {self.speed_ratio:g}; it must be above 0 and at most 1")

    def goal(self, measured: Pose, limits: Limits) -> Pose:
        """Where it leads to: as far as the workspace allows, in the same direction."""
        anchor = np.clip(measured.position, limits.workspace_lower, limits.workspace_upper)
        offset = np.asarray(self.offset, float)
        if self.frame == "tool":
            offset = rotate(measured.quaternion_xyzw.tolist(), offset)
        way = offset * _share_inside(anchor, offset, limits)
        position = np.clip(anchor + way, limits.workspace_lower, limits.workspace_upper)
        return Pose(position, np.array(_orientation(measured, limits)))

    def __str__(self) -> str:
        """In words, such as "retreat by 0.05 m towards (0, 0, 1) of base"."""
        length = float(np.linalg.norm(self.offset))
        towards = ", ".join(f"{value / length if length else 0.0:.2g}" for value in self.offset)
        return f"retreat by {length:g} m towards ({towards}) of {self.frame}"


@dataclass(frozen=True, kw_only=True)
class ResetPlan:
    """Plans the way back to the start where an arm has to move there: a real one, or a simulated one in a kept scene.

    In order: fingers, where they come first; retreat; joint reset, where it is due; hook; fingers; start. A motion that
    stops short of its goal ends the attempt, and the next one begins with another retreat. A simulator that places its
    arm needs none of this and does none of it.
    """

    retreats: tuple[Retreat, ...] = (Retreat(offset=(0.0, 0.0, -0.05), frame="tool"), Retreat(offset=(0.0, 0.0, 0.05)))
    """Ways out, one an attempt, from the first again after the last; empty goes to the start at once."""
    attempts: int = 3
    """Attempts before a person is asked, at least 1."""
    compliance: Compliance | None = RESET_COMPLIANCE
    """Compliance until the start is reached; None keeps the task's, which is in force again when the episode begins."""
    gripper_first: bool = False
    """Whether the fingers go to their opening before the retreat, as where they hold what should stay; else after."""
    joint_reset_interval: int = 0
    """Resets from one that goes through home in joint space, against null-space drift, to the next; 0 is never."""
    hook: Callable[[ControlSession], None] | None = None
    """Called after the retreat, with fingers as they are: to put an object somewhere by script, for instance. A
    function of a module, so that a task can be pickled. It is called again in an attempt after one in which it failed.
    """

    def __post_init__(self) -> None:
        """Checks the numbers.

        Raises:
            ValueError: One is out of range.
        """
        if self.attempts < 1:
            raise ValueError(f"attempts is {self.attempts}; it must be at least 1")
        if self.joint_reset_interval < 0:
            raise ValueError(f"joint_reset_interval is {self.joint_reset_interval}; it must be at least 0, for never")

    def retreat_of(self, attempt: int) -> Retreat | None:
        """Returns the retreat of an attempt, counted from 0; None where there is none."""
        return self.retreats[attempt % len(self.retreats)] if self.retreats else None


def _share_inside(anchor: FloatArray, offset: FloatArray, limits: Limits) -> float:
    """Largest share of an offset, at most 1, that ends inside the workspace; `anchor` is inside."""
    bound = np.where(offset > 0.0, limits.workspace_upper, limits.workspace_lower)
    room = np.divide(bound - anchor, offset, out=np.ones(3), where=offset != 0.0)
    return float(min(1.0, room.min()))


def _orientation(measured: Pose, limits: Limits) -> Quaternion:
    """Returns the measured orientation, turned back to the workspace's bound where it is beyond."""
    x, y, z, w = measured.quaternion_xyzw.tolist()
    center = limits.workspace_orientation_xyzw.tolist()
    angle, bound = angle_between((x, y, z, w), center), limits.workspace_rotation * _WITHIN
    return (x, y, z, w) if angle <= bound else slerp(center, (x, y, z, w), bound / angle)
