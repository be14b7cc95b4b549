"""A scripted expert for the point."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from serl_tasks.point_mass.environment import STEP_M


class PointMassExpert:
    """Pushes the point straight to the centre."""

    def reset(self) -> None:
        """Begins an episode; there is nothing to forget."""

    def action(self, observation: Mapping[str, npt.NDArray[Any]], info: Mapping[str, Any]) -> npt.NDArray[np.float32]:
        """Action toward the centre, in [-1, 1]."""
        del info
        return np.clip(-observation["state"] / STEP_M, -1.0, 1.0).astype(np.float32)
