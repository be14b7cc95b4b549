"""A scripted expert for peg-insert, for demonstrations and tests."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serl_api.rotation import conjugate, multiply, to_rotvec
from serl_api.values import FloatArray
from serl_client.envs.task import Task
from serl_client.teleop.expert_motion import moving
from serl_tasks.peg_insert.places import PEG, SOCKET


@dataclass(frozen=True, kw_only=True)
class PegInsertTuning:
    """Numbers of the insertion."""

    tip: str = PEG
    """Object whose frame is at the tip."""
    hole: str = SOCKET
    """Object whose frame is in the middle of the hole's mouth, z up, out of it."""
    hover_height: float = 0.004
    """Height of the tip above the mouth at which the expert aligns, m."""
    aligned_distance: float = 0.0006
    """Distance from the axis within which the tip may go in, m."""
    aligned_angle: float = 0.02
    """Rotation from the socket's within which the tip may go in, rad."""
    still_distance: float = 0.001
    """Motion in a step below which the tip counts as still, m."""
    gain: float = 1.4
    """Share of a small error that one step asks for; a compliant arm stops short of it."""
    entry_step: float = 0.007
    """Descent of a step into the mouth, m; a faster one throws the tip off its axis."""
    inside_depth: float = 0.003
    """Depth of the tip from which the walls guide it, m."""
    max_throw: float = 0.002
    """Largest offset that the expert aims off the axis by, having seen where the tip landed, m."""
    patience: int = 2
    """Steps on the rim without going down after which the tip is lifted and aligned again."""


class PegInsertExpert:
    """Goes over the socket while turning, waits until it is still, then down.

    Where the tip gets stuck on the rim, it lifts it and aims beside the axis by as much as it missed.
    Closed loop on the raw info of the environment ("newest_tcp_pose" and the positions of tip and hole).

    Args:
        task: Scales of actions.
        rotation: Whether the environment's actions turn the TCP; without, the expert cannot.
        noise: Standard deviation of each component, as a fraction of the action's length.
        seed: Of the noise.
        tuning: Numbers of the insertion.
    """

    def __init__(
        self,
        task: Task,
        *,
        rotation: bool = True,
        noise: float = 0.0,
        seed: int | None = None,
        tuning: PegInsertTuning | None = None,
    ) -> None:
        if task.box is None:
            raise ValueError(f"{task.name} has no box; its centre is the orientation that the expert turns to")
        self._upright = conjugate(task.box.center.quaternion_xyzw.tolist())
        self._task = task
        self._noise = noise
        self._rng = np.random.default_rng(seed)
        self._tuning = tuning or PegInsertTuning()
        self.reset()

    def reset(self) -> None:
        """Begins an episode."""
        self._last_tip: FloatArray | None = None
        self._is_descending = False
        self._stuck_steps = 0
        self._throw = np.zeros(2)

    def action(self, observation: Mapping[str, NDArray[Any]], info: Mapping[str, Any]) -> NDArray[np.float32]:
        """Next action.

        Args:
            observation: Not used.
            info: Raw info of the environment's last step or reset.

        Returns:
            Shape (6,), in [-1, 1].
        """
        del observation
        tip = np.asarray(info[f"{self._tuning.tip}_position"], float)
        to_mouth = np.asarray(info[f"{self._tuning.hole}_position"], float) - tip
        moved = math.inf if self._last_tip is None else float(np.linalg.norm(tip - self._last_tip))
        self._last_tip = tip
        turned = multiply(np.asarray(info["newest_tcp_pose"], float)[3:].tolist(), self._upright)
        turn = -np.array(to_rotvec(turned))
        return self._composed(self._translation(to_mouth, moved, float(np.linalg.norm(turn))), turn)

    def _translation(self, to_mouth: FloatArray, moved: float, angle: float) -> FloatArray:
        tuning, height = self._tuning, -float(to_mouth[2])
        error = to_mouth[:2] + self._throw
        is_aligned = float(np.hypot(*error)) < tuning.aligned_distance and angle < tuning.aligned_angle
        if self._is_descending:
            is_stuck = abs(height) < tuning.inside_depth and moved < tuning.still_distance
            self._stuck_steps = self._stuck_steps + 1 if is_stuck else 0
            if self._stuck_steps >= tuning.patience:
                self._is_descending = False
                self._throw = np.clip(self._throw + to_mouth[:2], -tuning.max_throw, tuning.max_throw)
        else:
            self._stuck_steps = 0
            self._is_descending = is_aligned and moved < tuning.still_distance
        return np.array((*(tuning.gain * error), self._vertical(height)))

    def _vertical(self, height: float) -> float:
        tuning = self._tuning
        if not self._is_descending:
            return tuning.hover_height - height
        return -self._task.translation_scale if height < -tuning.inside_depth else -tuning.entry_step

    def _composed(self, translation: FloatArray, turn: FloatArray) -> NDArray[np.float32]:
        scales = (self._task.translation_scale, self._task.rotation_scale)
        return moving(translation, turn, scales, self._noise, self._rng)
