"""A scripted expert for pick-cube, for demonstrations and tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serl_api.values import FloatArray
from serl_client.envs.task import Task
from serl_client.teleop.expert_motion import funnel_height, scattered, translating, within_box
from serl_client.teleop.hesitation import HesitantExpert


@dataclass(frozen=True, kw_only=True)
class PickCubeTuning:
    """Numbers of the grasp."""

    hover_height: float = 0.08
    """Largest height of the TCP above the cube's centre while off to the side, m."""
    funnel_radius: float = 0.01
    """Horizontal error within which the TCP may go all the way down, m."""
    funnel_slope: float = 5.0
    """Height above the cube's centre for each metre of error beyond that."""
    grasp_height: float = 0.0
    """Height of the TCP above the cube's centre at the grasp, m."""
    grasp_radius: float = 0.012
    """Distance from the grasp within which the fingers close, m."""
    carried: float = 0.2
    """Share of a step's motion that goes on in the next one; subtracted, so that the arm does not overshoot."""
    sag_rate: float = 0.15
    """How fast the arm's lag behind its targets is learnt, a step; a compliant arm stops short of a small step."""
    max_sag: float = 0.02
    """Largest lag that is made up for, m."""
    closing_steps: int = 3
    """Steps that the fingers need to close on the cube."""
    drop_distance: float = 0.05
    """Distance between TCP and cube at which the cube counts as lost, m."""


class PickCubeExpert:
    """Goes over the cube, down, closes, lifts; starts over when it loses the cube.

    Closed loop on the raw info of the environment ("newest_tcp_pose", "cube_position"), so that it works under any
    observation wrapper that leaves actions in base axes.

    Args:
        task: Scale of actions.
        rotation: Whether the environment's actions turn the TCP; the expert never does.
        noise: Standard deviation of each translation, as a fraction of its length: large far away, small at the
            grasp. 0.2 makes demonstrations differ and still succeed.
        seed: Of the noise.
        tuning: Numbers of the grasp.
    """

    def __init__(
        self,
        task: Task,
        *,
        rotation: bool = False,
        noise: float = 0.0,
        seed: int | None = None,
        tuning: PickCubeTuning | None = None,
    ) -> None:
        self._size = 7 if rotation else 4
        self._noise = noise
        self._rng = np.random.default_rng(seed)
        self._scale = task.translation_scale
        self._tuning = tuning or PickCubeTuning()
        self.reset()

    def reset(self) -> None:
        """Begins an episode."""
        self._closed_steps = 0
        self._last_position: FloatArray | None = None
        self._asked = np.zeros(3)
        self._sag = np.zeros(3)

    def action(self, observation: Mapping[str, NDArray[Any]], info: Mapping[str, Any]) -> NDArray[np.float32]:
        """Next action.

        Args:
            observation: Not used.
            info: Raw info of the environment's last step or reset.

        Returns:
            Shape (4,), or (7,) with rotation, in [-1, 1].
        """
        del observation
        position = np.asarray(info["newest_tcp_pose"], float)[:3]
        to_cube = np.asarray(info["cube_position"], float) - position - self._carried(position)
        if self._closed_steps and float(np.linalg.norm(to_cube)) > self._tuning.drop_distance:
            self._closed_steps = 0
        return self._lift() if self._closed_steps or self._is_at_grasp(to_cube) else self._approach(to_cube)

    def _carried(self, position: FloatArray) -> FloatArray:
        """Motion that goes on by itself; learns the lag on the way."""
        if self._last_position is None:
            self._last_position = position
            return np.zeros(3)
        moved = position - self._last_position
        self._last_position = position
        learnt = self._sag + self._tuning.sag_rate * (self._asked - moved)
        self._sag = np.clip(learnt, -self._tuning.max_sag, self._tuning.max_sag)
        return self._tuning.carried * moved

    def _is_at_grasp(self, to_cube: FloatArray) -> bool:
        grasp = to_cube + _up(self._tuning.grasp_height)
        return float(np.linalg.norm(grasp)) < self._tuning.grasp_radius

    def _approach(self, to_cube: FloatArray) -> NDArray[np.float32]:
        tuning = self._tuning
        height = funnel_height(
            to_cube,
            radius=tuning.funnel_radius,
            slope=tuning.funnel_slope,
            lowest=tuning.grasp_height,
            highest=tuning.hover_height,
        )
        return self._composed(to_cube + _up(height), opening=1.0)

    def _lift(self) -> NDArray[np.float32]:
        self._closed_steps += 1
        up = self._scale if self._closed_steps > self._tuning.closing_steps else 0.0
        return self._composed(_up(up), opening=-1.0)

    def _composed(self, translation: FloatArray, *, opening: float) -> NDArray[np.float32]:
        self._asked = within_box(scattered(translation, self._noise, self._rng), self._scale)
        return translating(within_box(self._asked + self._sag, self._scale) / self._scale, opening, self._size)


_HESITATION_S = (0.3, 0.6)


def hesitant_expert(task: Task, *, rotation: bool, noise: float, seed: int | None) -> HesitantExpert:
    """Makes an expert that hesitates before it grasps; an `ExpertFactory`."""
    # The fingers need as long at any rate.
    closing_steps = round(PickCubeTuning.closing_steps * task.control_rate_hz / 10.0)
    tuning = PickCubeTuning(closing_steps=closing_steps)
    shortest, longest = (round(time_s * task.control_rate_hz) for time_s in _HESITATION_S)
    grasping = PickCubeExpert(task, rotation=rotation, noise=noise, seed=seed, tuning=tuning)
    return HesitantExpert(grasping, steps=(shortest, longest), seed=seed)


def _up(height: float) -> FloatArray:
    return np.array((0.0, 0.0, height))
