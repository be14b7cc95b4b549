"""A scripted expert for the point in either direction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from serl_tasks.two_way_point_mass.environment import Side


class TwoWayPointMassExpert:
    """Pushes the point straight to one side.

    Args:
        side: Which.
    """

    def __init__(self, side: Side) -> None:
        self._sign = 1.0 if side == "right" else -1.0

    def reset(self) -> None:
        """Begins an episode; there is nothing to forget."""

    def action(self, observation: Mapping[str, npt.NDArray[Any]], info: Mapping[str, Any]) -> npt.NDArray[np.float32]:
        """Action toward the goal, in [-1, 1]."""
        del info
        return np.array((self._sign, np.clip(-observation["state"][1], -1.0, 1.0)), np.float32)
