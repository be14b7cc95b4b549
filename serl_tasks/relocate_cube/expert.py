"""A scripted expert for relocation in both directions: fetches the cube, carries it over, puts it down, lets go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from serl_api.values import FloatArray
from serl_client.envs.task import Task
from serl_client.teleop.expert_motion import scattered, translating, within_box
from serl_tasks.pick_cube.expert import PickCubeExpert


@dataclass(frozen=True, kw_only=True)
class RelocateTuning:
    """Numbers of the way over."""

    place_lower: tuple[float, float] = (0.33, 0.09)
    """Corner of the area in which the cube is put down, x and |y| in m."""
    place_upper: tuple[float, float] = (0.47, 0.18)
    """The opposite corner."""
    clear_height: float = 0.0
    """Height of the TCP from which it goes sideways with the cube, m; higher where there are walls."""
    carry_height: float = 0.10
    """Height of the TCP on the way, m."""
    place_height: float = 0.015
    """Height that the TCP aims at when it puts the cube down, m."""
    let_go_height: float = 0.03
    """Height of the TCP from which the fingers open, m."""
    place_radius: float = 0.03
    """Horizontal distance from the place within which the TCP goes down, m."""
    closing_steps: int = 3
    """Steps that the fingers need to close on the cube."""
    drop_distance: float = 0.05
    """Distance between TCP and cube at which the cube counts as lost, m."""


class RelocateCubeExpert:
    """Fetches the cube as `PickCubeExpert` does, and puts it down somewhere on the other side.

    Closed loop on the raw info of the environment ("newest_tcp_pose", "cube_position"); where it puts the cube is drawn
    anew for each episode, so that the opposite task finds it anywhere.

    Args:
        side: Where to: left is y above 0.
        task: Scale of actions.
        rotation: Whether the environment's actions turn the TCP; the expert never does.
        noise: Standard deviation of each translation, as a fraction of its length.
        seed: Of the noise and of the places.
        tuning: Numbers of the way over.
    """

    def __init__(
        self,
        side: Literal["left", "right"],
        task: Task,
        *,
        rotation: bool = False,
        noise: float = 0.0,
        seed: int | None = None,
        tuning: RelocateTuning | None = None,
    ) -> None:
        self._sign = 1.0 if side == "left" else -1.0
        self._size = 7 if rotation else 4
        self._noise = noise
        self._rng = np.random.default_rng(seed)
        self._scale = task.translation_scale
        self._tuning = tuning or RelocateTuning()
        self._fetching = PickCubeExpert(task, rotation=rotation, noise=noise, seed=seed)
        self.reset()

    def reset(self) -> None:
        """Begins an episode."""
        x, y = self._rng.uniform(self._tuning.place_lower, self._tuning.place_upper)
        self.place = np.array((x, self._sign * y))
        """Where it puts the cube, x and y, m."""
        self._fetch()

    @property
    def is_fetching(self) -> bool:
        """Whether it does not hold the cube yet, or lost it."""
        return self._closed_steps == 0

    @property
    def is_carrying(self) -> bool:
        """Whether it holds the cube, or lets go of it."""
        return self._closed_steps >= self._tuning.closing_steps

    def action(self, observation: Mapping[str, NDArray[Any]], info: Mapping[str, Any]) -> NDArray[np.float32]:
        """Next action.

        Args:
            observation: Not used.
            info: Raw info of the environment's last step or reset.

        Returns:
            Shape (4,), or (7,) with rotation, in [-1, 1].
        """
        position = np.asarray(info["newest_tcp_pose"], float)[:3]
        distance = float(np.linalg.norm(np.asarray(info["cube_position"], float) - position))
        if self._closed_steps and distance > self._tuning.drop_distance:
            self._fetch()
        if self._closed_steps < self._tuning.closing_steps:
            fetching = self._fetching.action(observation, info)
            self._closed_steps = self._closed_steps + 1 if fetching[-1] < 0 else 0
            return fetching
        return self._carry(position)

    def _fetch(self) -> None:
        self._closed_steps = 0
        self._is_opening = False
        self._fetching.reset()

    def _carry(self, position: FloatArray) -> NDArray[np.float32]:
        way = self.place - position[:2]
        is_there = float(np.linalg.norm(way)) < self._tuning.place_radius
        self._is_opening = self._is_opening or (is_there and position[2] < self._tuning.let_go_height)
        if self._is_opening:
            return self._composed(np.zeros(3), opening=1.0)
        height = self._tuning.place_height if is_there else self._tuning.carry_height
        if not is_there and position[2] < self._tuning.clear_height:
            way = np.zeros(2)
        return self._composed(np.array((*way, height - position[2])), opening=-1.0)

    def _composed(self, translation: FloatArray, *, opening: float) -> NDArray[np.float32]:
        moved = within_box(scattered(translation, self._noise, self._rng), self._scale)
        return translating(moved / self._scale, opening, self._size)
