"""A scripted expert for the hand-over: the left arm fetches the bar and waits, the right one takes it.

It remembers nothing, so that a correction goes on from where it finds the arms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serl_api.rotation import conjugate, multiply, to_rotvec
from serl_api.values import FloatArray
from serl_client.envs.sides import SIDES
from serl_client.envs.task import Task
from serl_client.teleop.expert_motion import funnel_height, moving
from serl_tasks.hand_over.places import BAR, BAR_HALF, GRASP_OFFSET, MEETING, TAKEN_HEIGHT

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
    closing_radius: float = 0.016
    """The same for fingers that are closing already, m."""
    open_width: float = 0.08
    """Opening from which the fingers are not closing, m."""
    slack: float = 0.001
    """How far the opening of fingers that hold the bar may be from its width, m."""
    drop_distance: float = 0.03
    """Distance between TCP and grasp at which the bar counts as lost, m."""
    meeting_radius: float = 0.03
    """Distance of the bar from the meeting point within which the right arm goes for it, m."""


@dataclass(frozen=True, kw_only=True)
class _Hand:
    """Holds what one hand sees of itself and of the bar, in its arm's base."""

    to_grasp: FloatArray
    """Way to where it holds the bar, m."""
    turn: FloatArray
    """Turn that points it down, rad."""
    bar: FloatArray
    """The bar's middle, m."""
    width: float
    """Opening of the fingers, m."""

    @property
    def distance(self) -> float:
        """Returns the distance from where it holds the bar, m."""
        return float(np.linalg.norm(self.to_grasp))

    @classmethod
    def seen(cls, info: Mapping[str, Any], side: str) -> _Hand:
        """Reads a hand out of the environment's raw info."""
        pose = np.asarray(info[f"{side}/newest_tcp_pose"], float)
        bar = np.asarray(info[f"{side}/{BAR}_position"], float)
        turn = -np.array(to_rotvec(multiply(pose[3:].tolist(), _UPRIGHT)))
        width = float(info["gripper_width"][SIDES.index(side)])
        return cls(to_grasp=bar - np.array((GRASP_OFFSET, 0.0, 0.0)) - pose[:3], turn=turn, bar=bar, width=width)


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
        """Begins an episode; nothing is left of the last one."""

    def action(self, observation: Mapping[str, NDArray[Any]], info: Mapping[str, Any]) -> NDArray[np.float32]:
        """Next action.

        Args:
            observation: Not used.
            info: Raw info of the environment's last step or reset.

        Returns:
            Shape (14,), in [-1, 1].
        """
        del observation
        left, right = (_Hand.seen(info, side) for side in SIDES)
        return np.concatenate([self._left(left, right), self._right(right)])

    def _left(self, hand: _Hand, other: _Hand) -> NDArray[np.float32]:
        if self._holds(other) and other.bar[2] > TAKEN_HEIGHT:
            return self._composed(0, np.zeros(3), np.zeros(3), opening=1.0)
        if self._holds(hand):
            return self._composed(0, self._tuning.gain * (np.array(MEETING) - hand.bar), hand.turn, opening=-1.0)
        return self._taking(0, hand)

    def _right(self, hand: _Hand) -> NDArray[np.float32]:
        is_offered = float(np.linalg.norm(hand.bar - MEETING)) < self._tuning.meeting_radius
        if self._holds(hand):
            return self._composed(1, np.zeros(3), hand.turn, opening=-1.0)
        if not is_offered or hand.bar[2] < TAKEN_HEIGHT:
            return self._composed(1, np.zeros(3), hand.turn, opening=1.0)
        return self._taking(1, hand)

    def _taking(self, arm: int, hand: _Hand) -> NDArray[np.float32]:
        """Goes where the hand holds the bar with open fingers, and closes them there."""
        tuning = self._tuning
        is_closing = hand.width < tuning.open_width
        if hand.distance < (tuning.closing_radius if is_closing else tuning.grasp_radius):
            return self._composed(arm, tuning.gain * hand.to_grasp, hand.turn, opening=-1.0)
        return self._composed(arm, self._approach(hand.to_grasp), hand.turn, opening=1.0)

    def _holds(self, hand: _Hand) -> bool:
        tuning = self._tuning
        return abs(hand.width - 2.0 * BAR_HALF[1]) < tuning.slack and hand.distance < tuning.drop_distance

    def _approach(self, to_grasp: FloatArray) -> FloatArray:
        tuning = self._tuning
        height = funnel_height(
            to_grasp, radius=tuning.funnel_radius, slope=tuning.funnel_slope, highest=tuning.hover_height
        )
        return tuning.gain * to_grasp + np.array((0.0, 0.0, height))

    def _composed(self, arm: int, translation: FloatArray, turn: FloatArray, *, opening: float) -> NDArray[np.float32]:
        moved = moving(translation, turn, self._scales[arm], self._noise, self._rng)
        return np.append(moved, np.float32(opening))
