"""A scripted expert for the USB stick: fetches it, inserts it, lets go."""

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
from serl_tasks.peg_insert.expert import PegInsertExpert, PegInsertTuning
from serl_tasks.usb_insert.places import GRASP_HEIGHT, MOUTH_HEIGHT, PORT, USB


@dataclass(frozen=True, kw_only=True)
class UsbInsertTuning:
    """Numbers of the grasp; those of the insertion are the peg's."""

    hover_height: float = 0.03
    """Largest height of the TCP above the grasp while off to the side, m."""
    funnel_radius: float = 0.005
    """Horizontal error within which the open fingers go all the way down, m."""
    funnel_slope: float = 5.0
    """Height above the grasp for each metre of error beyond that."""
    grasp_radius: float = 0.005
    """Distance from the grasp within which the fingers close, m."""
    gain: float = 1.3
    """Share of a small error that one step asks for; a compliant arm stops short of it."""
    closing_steps: int = 6
    """Steps that the fingers need to close on the handle."""
    lift_height: float = 0.006
    """Height of the plug above the mouths from which it is carried over, m."""
    drop_distance: float = 0.03
    """Distance between TCP and grasp at which the stick counts as lost, m."""
    seated_depth: float = 0.0095
    """Depth of the plug in the port from which the fingers open, m."""


class UsbInsertExpert:
    """Goes over the handle, down, closes, lifts, inserts as `PegInsertExpert` does, and opens.

    Closed loop on the raw info of the environment ("newest_tcp_pose", "usb_position", "port_position").

    Args:
        task: Scales of actions.
        rotation: Whether the environment's actions turn the TCP; the expert needs it.
        noise: Standard deviation of each component, as a fraction of the action's length.
        seed: Of the noise.
        tuning: Numbers of the grasp.
    """

    def __init__(
        self,
        task: Task,
        *,
        rotation: bool = True,
        noise: float = 0.0,
        seed: int | None = None,
        tuning: UsbInsertTuning | None = None,
    ) -> None:
        if task.box is None:
            raise ValueError(f"{task.name} has no box; its centre is the orientation that the expert turns to")
        self._upright = conjugate(task.box.center.quaternion_xyzw.tolist())
        self._scales = (task.translation_scale, task.rotation_scale)
        self._noise = noise
        self._rng = np.random.default_rng(seed)
        self._tuning = tuning or UsbInsertTuning()
        inserting = PegInsertTuning(tip=USB, hole=PORT, inside_depth=0.002)
        self._inserting = PegInsertExpert(task, noise=noise, seed=seed, tuning=inserting)
        self.reset()

    def reset(self) -> None:
        """Begins an episode."""
        self._closed_steps = 0
        self._is_carried = False
        self._is_opening = False
        self._inserting.reset()

    @property
    def is_letting_go(self) -> bool:
        """Whether the plug is in, and the fingers open."""
        return self._is_opening

    def action(self, observation: Mapping[str, NDArray[Any]], info: Mapping[str, Any]) -> NDArray[np.float32]:
        """Next action.

        Args:
            observation: Not used by the grasp.
            info: Raw info of the environment's last step or reset.

        Returns:
            Shape (7,), in [-1, 1].
        """
        tip = np.asarray(info["usb_position"], float)
        pose = np.asarray(info["newest_tcp_pose"], float)
        to_grasp = tip - pose[:3] + np.array((0.0, 0.0, GRASP_HEIGHT))
        turn = -np.array(to_rotvec(multiply(pose[3:].tolist(), self._upright)))
        depth = float(info["port_position"][2]) - float(tip[2])
        if self._closed_steps and not self._is_opening and float(np.linalg.norm(to_grasp)) > self._tuning.drop_distance:
            self.reset()
        if not self._closed_steps and float(np.linalg.norm(to_grasp)) >= self._tuning.grasp_radius:
            return self._composed(self._approach(to_grasp), turn, opening=1.0)
        return self._hold(observation, info, turn, float(tip[2]), depth)

    def _approach(self, to_grasp: FloatArray) -> FloatArray:
        tuning = self._tuning
        height = funnel_height(
            to_grasp, radius=tuning.funnel_radius, slope=tuning.funnel_slope, highest=tuning.hover_height
        )
        return tuning.gain * to_grasp + np.array((0.0, 0.0, height))

    def _hold(
        self,
        observation: Mapping[str, NDArray[Any]],
        info: Mapping[str, Any],
        turn: FloatArray,
        tip: float,
        depth: float,
    ) -> NDArray[np.float32]:
        tuning = self._tuning
        self._closed_steps += 1
        self._is_opening = self._is_opening or (self._is_carried and depth >= tuning.seated_depth)
        if self._is_opening:
            return self._composed(np.zeros(3), np.zeros(3), opening=1.0)
        if self._closed_steps <= tuning.closing_steps:
            return self._composed(np.zeros(3), turn, opening=-1.0)
        self._is_carried = self._is_carried or tip > MOUTH_HEIGHT + tuning.lift_height
        if not self._is_carried:
            return self._composed(np.array((0.0, 0.0, 0.02)), turn, opening=-1.0)
        return np.append(self._inserting.action(observation, info), np.float32(-1.0))

    def _composed(self, translation: FloatArray, turn: FloatArray, *, opening: float) -> NDArray[np.float32]:
        return np.append(moving(translation, turn, self._scales, self._noise, self._rng), np.float32(opening))
