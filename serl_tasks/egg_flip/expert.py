"""A scripted expert for the egg: presses the pan against the spatula, slides it under the egg, rolls the egg over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serl_api.rotation import conjugate, multiply, rotate, to_rotvec
from serl_api.values import FloatArray
from serl_client.envs.task import Task
from serl_tasks.egg_flip.places import EDGE_RADIUS, EGG, EGG_RADIUS, PAN_FROM_TCP, RIDGE_HALF, SPATULA_PLACE, YOLK

_UPRIGHT = (1.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class EggFlipTuning:
    """Numbers of the motion. Places are those of the spatula's tip in the pan, m."""

    entry: float = 0.097
    """Along x, where the spatula comes down between egg and rim."""
    clear: float = 0.035
    """Along z, where it passes over the egg for another attempt."""
    press: float = 0.006
    """Depth below the pan's bottom that is asked for: what presses the pan against the spatula."""
    slide: float = 0.005
    """How far ahead of itself the spatula is asked for while it slides."""
    under: float = 0.013
    """How far the spatula is under the egg's edge where the roll begins."""
    lifted: float = 0.15
    """Tilt of the egg from which it is being rolled, rad."""
    reach: float = 0.046
    """From the egg's foot at the ridge to the spatula's tip while it rolls."""
    lead: float = 0.3
    """How far ahead of the egg the spatula goes around its foot, rad."""
    over: float = 1.75
    """Tilt from which the egg falls by itself, rad."""
    stiffness: float = 450.0
    """Force for each metre that the pan is off, N/m."""
    turning_stiffness: float = 14.0
    """Torque for each radian that the pan is not level, Nm."""
    settling: float = 1.5
    """The same for each radian and step that it stays so, Nm."""


class EggFlipExpert:
    """Pushes along x and z and about y; closed loop on the raw info ("newest_tcp_pose", "egg_position", ...).

    Args:
        task: Whose wrench an action of 1 is.
        rotation: Not used: the task's axes are what they are.
        noise: Standard deviation of each component, as a share of the action's length.
        seed: Of the noise.
        tuning: Numbers of the motion.
    """

    def __init__(
        self,
        task: Task,
        *,
        rotation: bool = True,
        noise: float = 0.0,
        seed: int | None = None,
        tuning: EggFlipTuning | None = None,
    ) -> None:
        del rotation
        if task.wrench_scale is None:
            raise ValueError(f"{task.name} has no wrench_scale; the expert pushes")
        self._scale = np.array(task.wrench_scale)[[0, 2, 4]]
        self._noise = noise
        self._rng = np.random.default_rng(seed)
        self._tuning = tuning or EggFlipTuning()
        self.reset()

    def reset(self) -> None:
        """Begins an episode."""
        self._is_down = self._is_rolling = self._is_over = False
        self._settled = 0.0

    def action(self, observation: Mapping[str, NDArray[Any]], info: Mapping[str, Any]) -> NDArray[np.float32]:
        """Next action.

        Args:
            observation: Not used.
            info: Raw info of the environment's last step or reset.

        Returns:
            Shape (3,), in [-1, 1].
        """
        del observation
        tuning = self._tuning
        pose = np.asarray(info["newest_tcp_pose"], float)
        off = to_rotvec(multiply(_UPRIGHT, conjugate(pose[3:].tolist())))[1]
        self._settled = float(np.clip(self._settled + tuning.settling * off, -2.0, 2.0))
        torque = tuning.turning_stiffness * off + self._settled
        push = np.array((*(-tuning.stiffness * self._way(pose, info)), torque)) / self._scale
        push = push / max(1.0, float(np.abs(push[:2]).max()))
        push += self._noise * float(np.linalg.norm(push)) * self._rng.standard_normal(3)
        return np.clip(push, -1.0, 1.0).astype(np.float32)

    def _way(self, pose: FloatArray, info: Mapping[str, Any]) -> FloatArray:
        """Way of the spatula's tip in the pan, x and z, m: the pan goes the opposite way."""
        tip = _in_pan(np.array(SPATULA_PLACE), pose)
        egg = _in_pan(np.asarray(info[f"{EGG}_position"], float), pose)
        yolk = _in_pan(np.asarray(info[f"{YOLK}_position"], float), pose) - egg
        tilt = float(np.arctan2(-yolk[0], yolk[2]))
        return self._goal(tip, egg, tilt) - tip[[0, 2]]

    def _goal(self, tip: FloatArray, egg: FloatArray, tilt: float) -> FloatArray:
        """Where the spatula's tip should be next in the pan, x and z, m."""
        tuning = self._tuning
        self._is_over = abs(tilt) > (tuning.lifted if self._is_over else tuning.over)
        if self._is_over:
            self._is_down = self._is_rolling = False
            return tip[[0, 2]]
        edge = egg[0] + EGG_RADIUS + EDGE_RADIUS
        is_before = tip[0] > tuning.entry - 0.008
        self._is_down = self._is_down or (tip[2] < 0.002 and is_before)
        if not self._is_down:
            return np.array((tuning.entry, -tuning.press if is_before else tuning.clear))
        self._is_rolling = self._is_rolling or tilt > tuning.lifted or tip[0] < edge - tuning.under
        if not self._is_rolling:
            return np.array((tip[0] - tuning.slide, -tuning.press))
        foot = np.array((RIDGE_HALF + EDGE_RADIUS, 0.0))
        angle = max(tilt, 0.0) + tuning.lead
        return foot + tuning.reach * np.array((np.cos(angle), np.sin(angle)))


def _in_pan(point: FloatArray, pose: FloatArray) -> FloatArray:
    """Returns a point in the pan's frame, whose axes are the base's while the tool points straight down."""
    to_tool = rotate(conjugate(pose[3:].tolist()), point - pose[:3])
    return rotate(_UPRIGHT, to_tool) - np.array(PAN_FROM_TCP)
