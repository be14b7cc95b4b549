"""A point that is pushed to the right and back to the left: two opposite tasks for tests, need no simulator."""

from __future__ import annotations

from typing import Any, Literal

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

_STEP_M = 0.1
_GOAL_M = 0.4
_MAX_STEPS = 25

Observation = dict[str, npt.NDArray[Any]]
Side = Literal["left", "right"]


class Point:
    """The point itself, which both tasks push; its place outlasts their episodes."""

    def __init__(self) -> None:
        self.position = np.array((-0.5, 0.0), np.float32)
        """Where it is, x and y in m."""


class TwoWayPointMassEnv(gymnasium.Env[Any, npt.NDArray[np.float32]]):
    """Reward 1 and termination once the point is 0.4 m beyond the middle on one side; truncation after 25 steps.

    Args:
        side: Where to: right is x above 0.
        point: What is pushed; None makes a point of its own.
    """

    component_names = ("position.x", "position.y")
    draws_scenes = True
    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012 - gymnasium's own convention.

    def __init__(self, side: Side, point: Point | None = None) -> None:
        self.render_mode = "rgb_array"
        self.observation_space = spaces.Dict({"state": spaces.Box(-1.0, 1.0, (2,), np.float32)})
        self.action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
        self._sign = 1.0 if side == "right" else -1.0
        self._point = point or Point()
        self._steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begins an episode: with the option "keep_scene" where the point is, else on the side away from the goal."""
        super().reset(seed=seed, options=options)
        if not (options or {}).get("keep_scene", False):
            away, across = self.np_random.uniform((0.4, -0.5), (0.6, 0.5))
            self._point.position = np.array((-self._sign * away, across), np.float32)
        self._steps = 0
        return self._observation(), {"success": self._is_done()}

    def step(self, action: npt.NDArray[np.float32]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Pushes the point."""
        moved = self._point.position + _STEP_M * np.asarray(action, np.float32)
        self._point.position = np.clip(moved, -1.0, 1.0).astype(np.float32)
        self._steps += 1
        is_done = self._is_done()
        is_late = self._steps >= _MAX_STEPS and not is_done
        return self._observation(), float(is_done), is_done, is_late, {"success": is_done}

    def render(self) -> npt.NDArray[np.uint8]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """A picture of the point, 64 x 64 pixels."""
        image = np.full((64, 64, 3), 230, np.uint8)
        column, row = ((self._point.position * (1, -1) + 1) * 31).astype(int)
        image[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2] = (200, 40, 40)
        return image

    def release(self) -> None:
        """Nobody else is kept from pushing the point."""

    def _is_done(self) -> bool:
        return bool(self._sign * self._point.position[0] >= _GOAL_M)

    def _observation(self) -> Observation:
        return {"state": self._point.position.copy()}
