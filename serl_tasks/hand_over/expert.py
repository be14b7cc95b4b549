"""A scripted expert for the hand-over: the left arm fetches the bar and waits, the right one takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serl_api.rotation import conjugate, multiply, to_rotvec
from serl_api.values import FloatArray
from serl_client.envs.task import Task
from serl_client.teleop.expert_motion import funnel_height, moving
from serl_tasks.hand_over.places import BAR, GRASP_OFFSET, HELD_WIDTH, MEETING, TAKEN_HEIGHT

_UPRIGHT = conjugate((1.0, 0.0, 0.0, 0.0))


@dataclass(frozen=True, kw_only=True)
class HandOverTuning:
    """Numbers of both arms' grasps."""

    hover_height: float = 0.06
    """Largest height of the TCP above the grasp while off to the side, m."""
    funnel_radius: float = 0.006
    """Horizontal error within which the open fingers go all the way down, m."""
    funnel_slope: float = 3.0
    """Height above the grasp for each metre of error beyond that."""
    grasp_radius: float = 0.008
    """Distance from the grasp within which the fingers close, m."""
    gain: float = 1.2
    """Share of a small error that one step asks for; a compliant arm stops short of it."""
    closing_steps: int = 6
    """Steps that the fingers need to close."""
    drop_distance: float = 0.04
    """Distance between TCP and grasp at which the bar counts as lost, m."""
    meeting_radius: float = 0.03
    """Distance of the bar from the meeting point within which the right arm goes for it, m."""


class HandOverExpert:
    """Lets the left arm grasp, lift and hold the bar between the arms until the right hand has closed on its other end.

    Closed loop on the raw info of the environment ("left/newest_tcp_pose", "left/bar_position", ..., "gripper_width").

    Args:
        task: Scales of actions.
        rotation: Whether the environment's actions turn the TCPs.
        noise: Standard deviation of each component, as a fraction of the movement's length.
        seed: Of the noise.
        tuning: Numbers of the grasps.
    """

    def __init__(
        self,
        task: Task,
        *,
        rotation: bool = True,
        noise: float = 0.0,
        seed: int | None = None,
        tuning: HandOverTuning | None = None,
    ) -> None:
        if not rotation:
            raise ValueError(f"the expert of {task.name} turns the hands; leave the rotation on")
        self._scales = [(arm.translation_scale, arm.rotation_scale) for arm in task.arms]
        self._noise = noise
        self._rng = np.random.default_rng(seed)
        self._tuning = tuning or HandOverTuning()
        self.reset()

    def reset(self) -> None:
        """Begins an episode."""
        self._closed_steps = [0, 0]
        self._is_handed_over = False

    def action(self, observation: Mapping[str, NDArray[Any]], info: Mapping[str, Any]) -> NDArray[np.float32]:
        """Next action.

        Args:
            observation: Not used.
            info: Raw info of the environment's last step or reset.

        Returns:
            Shape (14,), in [-1, 1].
        """
        del observation
        return np.concatenate([self._left(info), self._right(info)])

    def _left(self, info: Mapping[str, Any]) -> NDArray[np.float32]:
        to_grasp, turn, bar = _seen(info, "left")
        has_closed = self._closed_steps[1] > self._tuning.closing_steps
        self._is_handed_over = self._is_handed_over or (has_closed and float(info["gripper_width"][1]) < HELD_WIDTH)
        if self._is_handed_over:
            return self._composed(0, np.zeros(3), np.zeros(3), opening=1.0)
        if not self._grasps(0, to_grasp):
            return self._composed(0, self._approach(to_grasp), turn, opening=1.0)
        if self._closed_steps[0] <= self._tuning.closing_steps:
            return self._composed(0, np.zeros(3), turn, opening=-1.0)
        return self._composed(0, self._tuning.gain * (np.array(MEETING) - bar), turn, opening=-1.0)

    def _right(self, info: Mapping[str, Any]) -> NDArray[np.float32]:
        to_grasp, turn, bar = _seen(info, "right")
        is_offered = float(np.linalg.norm(bar - MEETING)) < self._tuning.meeting_radius and bar[2] > TAKEN_HEIGHT
        if not (is_offered or self._is_handed_over) and not self._closed_steps[1]:
            return self._composed(1, np.zeros(3), turn, opening=1.0)
        if not self._grasps(1, to_grasp):
            return self._composed(1, self._approach(to_grasp), turn, opening=1.0)
        return self._composed(1, np.zeros(3), turn, opening=-1.0)

    def _grasps(self, arm: int, to_grasp: FloatArray) -> bool:
        """Whether a hand closes or has closed; counts the steps."""
        distance = float(np.linalg.norm(to_grasp))
        if self._closed_steps[arm] and distance > self._tuning.drop_distance:
            self._closed_steps[arm] = 0
        if not self._closed_steps[arm] and distance >= self._tuning.grasp_radius:
            return False
        self._closed_steps[arm] += 1
        return True

    def _approach(self, to_grasp: FloatArray) -> FloatArray:
        tuning = self._tuning
        height = funnel_height(
            to_grasp, radius=tuning.funnel_radius, slope=tuning.funnel_slope, highest=tuning.hover_height
        )
        return tuning.gain * to_grasp + np.array((0.0, 0.0, height))

    def _composed(self, arm: int, translation: FloatArray, turn: FloatArray, *, opening: float) -> NDArray[np.float32]:
        moved = moving(translation, turn, self._scales[arm], self._noise, self._rng)
        return np.append(moved, np.float32(opening))


def _seen(info: Mapping[str, Any], side: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Returns the way to an arm's grasp, m, the turn that points its hand down, rad, and the bar's middle, m."""
    pose = np.asarray(info[f"{side}/newest_tcp_pose"], float)
    bar = np.asarray(info[f"{side}/{BAR}_position"], float)
    turn = -np.array(to_rotvec(multiply(pose[3:].tolist(), _UPRIGHT)))
    return bar - np.array((GRASP_OFFSET, 0.0, 0.0)) - pose[:3], turn, bar
