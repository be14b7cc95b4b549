"""A point that is pushed to a goal: small enough for tests of the whole loop, needs no simulator."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

STEP_M = 0.1
"""Way of action 1, m."""
_REACHED_M = 0.1
_MAX_STEPS = 20

Observation = dict[str, npt.NDArray[Any]]


class PointMassEnv(gymnasium.Env[Any, npt.NDArray[np.float32]]):
    """A point in a square of 1 m; reward 1 and termination within 0.1 m of the centre, truncation after 20 steps.

    Args:
        reward: Name of the reward; it ends the episode at the centre, unless it is "dense" or "none".
    """

    component_names = ("position.x", "position.y")
    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012 - gymnasium's own convention.

    def __init__(self, *, reward: str = "sparse") -> None:
        self.render_mode = "rgb_array"
        self._ends = reward not in ("dense", "none")
        self.observation_space = spaces.Dict({"state": spaces.Box(-1.0, 1.0, (2,), np.float32)})
        self.action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
        self._position = np.zeros(2, np.float32)
        self._steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Puts the point somewhere."""
        super().reset(seed=seed, options=options)
        self._position = self.np_random.uniform(-0.5, 0.5, 2).astype(np.float32)
        self._steps = 0
        return self._observation(), {"success": False}

    def step(self, action: npt.NDArray[np.float32]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Pushes the point."""
        self._position = np.clip(self._position + STEP_M * np.asarray(action, np.float32), -1.0, 1.0)
        self._steps += 1
        is_reached = bool(np.linalg.norm(self._position) < _REACHED_M)
        is_over = is_reached and self._ends
        is_late = self._steps >= _MAX_STEPS and not is_over
        return self._observation(), float(is_reached), is_over, is_late, {"success": is_reached}

    def render(self) -> npt.NDArray[np.uint8]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """A picture of the point, 64 x 64 pixels."""
        image = np.full((64, 64, 3), 230, np.uint8)
        column, row = ((self._position * (1, -1) + 1) * 31).astype(int)
        image[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2] = (200, 40, 40)
        return image

    def _observation(self) -> Observation:
        return {"state": self._position.copy()}
