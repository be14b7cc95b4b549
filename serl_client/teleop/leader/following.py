"""Makes actions of a leader's posture, and holds where that is unsafe: an `InterventionSource`."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from serl_api.values import FloatArray
from serl_client.episodes.expert import EnvInfo, EnvObservation
from serl_client.teleop.leader.arm import LeaderArm, LeaderConfig, Posture

log = logging.getLogger(__name__)

_MOVED_RAD, _MOVED_SHARE = 0.03, 0.1


class LeaderFollowing:
    """Takes every step: the leader's joint positions and the opening of its gripper are the action.

    The follower holds its last target while the leader is silent or further from that target than the configuration
    allows, such as after a silence in which somebody moved it; each is said once, in one sentence.

    Args:
        leader: Whose posture.
        config: How far it may jump.
        components: Makes the components of an action of joint positions, (n,), rad.
        has_gripper: Whether the action ends with a gripper's component.
    """

    def __init__(
        self,
        leader: LeaderArm,
        config: LeaderConfig,
        components: Callable[[FloatArray], FloatArray],
        *,
        has_gripper: bool,
    ) -> None:
        self._leader = leader
        self._config = config
        self._components = components
        self._has_gripper = has_gripper
        self._target = np.zeros(0)
        self._opening = 1.0
        self._start: Posture | None = None
        self._trouble = ""

    def reset(self, observation: EnvObservation, info: EnvInfo) -> None:
        """Begins an episode where the follower stands."""
        del observation
        self._target = np.array(info["joint_positions"], float)
        self._start = self._leader.read()
        self._opening = 1.0 if self._start.opening is None else self._start.opening

    def intervene(
        self, action: NDArray[np.floating], observation: EnvObservation, info: EnvInfo
    ) -> NDArray[np.float32]:
        """Returns the leader's posture as an action, or the last one while that holds."""
        del action, observation, info
        posture = self._leader.read()
        trouble = self._leader.fault or self._jump(posture)
        self._tell(trouble)
        if not trouble:
            self._target = posture.joint_positions
            self._opening = self._opening if posture.opening is None else posture.opening
        made = self._components(self._target)
        return (np.append(made, 2.0 * self._opening - 1.0) if self._has_gripper else made).astype(np.float32)

    def is_asking(self) -> bool:
        """Returns whether somebody has moved the leader since the episode was ready."""
        if self._start is None or self._leader.fault:
            return False
        now = self._leader.read()
        moved = float(np.abs(now.joint_positions - self._start.joint_positions).max())
        pressed = 0.0 if now.opening is None or self._start.opening is None else abs(now.opening - self._start.opening)
        return moved > _MOVED_RAD or pressed > _MOVED_SHARE

    def _jump(self, posture: Posture) -> str:
        joint, distance = furthest_joint(posture.joint_positions, self._target)
        if distance <= self._config.jump:
            return ""
        return (
            f"joint {joint} of {self._leader.name} is {distance:.2f} rad from the follower, more than "
            f"{self._config.jump:g} rad; bring it back"
        )

    def _tell(self, trouble: str) -> None:
        if trouble and not self._trouble:
            log.warning("the follower holds: %s", trouble)
        elif self._trouble and not trouble:
            log.info("%s leads again", self._leader.name)
        self._trouble = trouble


def furthest_joint(a: FloatArray, b: FloatArray) -> tuple[int, float]:
    """Finds the joint in which two postures differ most: its number from 1, and the distance, rad."""
    distances = np.abs(a - b)
    index = int(distances.argmax())
    return index + 1, float(distances[index])
