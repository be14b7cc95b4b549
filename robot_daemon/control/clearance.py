"""Judges paths of the joints: TCP within the box, elbow, wrist and flange above the table."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from robot_daemon.config.cell_config import LimitsConfig
from robot_daemon.hardware.kinematics import ArmParts
from serl_api.values import FloatArray

SAMPLE_RAD = 0.05
"""Longest way of a joint between two samples of a path."""
TOLERANCE_M = 0.005
"""How far outside still counts as inside: what rounding, sagging springs and an arm's sway make of a target inside."""

PartsOf = Callable[[FloatArray], ArmParts]


@dataclass(frozen=True)
class Obstruction:
    """Says where a path of the joints leads out of bounds."""

    free: float
    """Share of the path that is free."""
    part: str
    """Part of the arm that comes furthest out."""
    excess: float
    """How far, m."""
    place: str
    """What it leaves or meets: "the workspace box" or "the table"."""


class Clearance:
    """Judges paths of one arm in one cell."""

    def __init__(self, config: LimitsConfig, parts_of: PartsOf) -> None:
        self._parts_of = parts_of
        self._lower = np.array(config.workspace_lower_m)
        self._upper = np.array(config.workspace_upper_m)
        self._table = config.table_height_m

    def obstruction(self, start: FloatArray, goal: FloatArray) -> Obstruction | None:
        """Finds where the straight way in joint space leads out of bounds, or further out than where it starts.

        Shapes (n,), rad. None when all of it is free.
        """
        way = goal - start
        count = max(1, math.ceil(float(np.abs(way).max()) / SAMPLE_RAD))
        shares = np.linspace(0.0, 1.0, count + 1)
        parts = self._parts_of(start + shares[:, None] * way)
        excesses = self._excesses(parts)
        worst = excesses.max(axis=1)
        outside = np.flatnonzero(worst > max(float(worst[0]), 0.0) + TOLERANCE_M)
        if not len(outside):
            return None
        return _worst(parts, excesses, float(shares[outside[0] - 1]))

    def misplaced(self, joints: FloatArray) -> Obstruction | None:
        """Finds which part is out of bounds at joint positions, (n,), rad; None when none is."""
        parts = self._parts_of(joints[None])
        excesses = self._excesses(parts)
        return _worst(parts, excesses, 0.0) if float(excesses.max()) > TOLERANCE_M else None

    def _excesses(self, parts: ArmParts) -> FloatArray:
        """Computes how far each part is out of bounds, m; negative inside. Shape (N, P)."""
        positions = parts.positions
        excess = self._table + parts.radii - positions[:, :, 2]
        tool = positions[:, -1]
        excess[:, -1] = np.maximum(self._lower - tool, tool - self._upper).max(axis=1)
        return excess


def _worst(parts: ArmParts, excesses: FloatArray, free: float) -> Obstruction:
    furthest, part = np.unravel_index(int(excesses.argmax()), excesses.shape)
    is_tool = part == len(parts.names) - 1
    place = "the workspace box" if is_tool else "the table"
    return Obstruction(free, parts.names[part], float(excesses[furthest, part]), place)
