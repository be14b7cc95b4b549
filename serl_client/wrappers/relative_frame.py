"""Lets a policy see and act in frames that move with the task instead of the arm's base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from numpy.typing import NDArray

from serl_api.rotation import Quaternion, canonical, compose_poses, conjugate, invert_pose, rotate, rotate_six_vector
from serl_api.values import FloatArray, Pose
from serl_client.episodes.info_keys import INTERVENTION_ACTION
from serl_client.teleop.expert_motion import within_box
from serl_client.wrappers.plugin import WrapperPlugin


class RelativeFrame(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Lets actions be in the TCP's own axes and poses relative to the pose after reset.

    * `tcp_pose` and each `*_position` are expressed in the frame of the TCP as it stood *after* the reset.
    * `tcp_twist` and `tcp_wrench` are expressed in the TCP's present axes. Both belong to the TCP itself, so each half
      turns and nothing mixes; SERL's adjoint with a lever arm turns a translation into a rotation there.
    * An action is turned from the TCP's axes, as they stood before the step, into those of the base; of a wrench,
      force and torque. When a component
      would leave [-1, 1] the whole half is shortened, so that its direction stays.
    * `info["intervention_action"]`, which is in base axes, is turned back with the same orientation, so that what is
      stored is what the policy should have said.
    * `info` keeps the raw values, in base.

    With two arms each half of an action and each arm's part of the observation has its own frames: arms that face each
    other so see and do the same when one does as the other in a mirror.

    Args:
        env: Environment whose observation has "tcp_pose", or "left/tcp_pose" and "right/tcp_pose".
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        keys = getattr(env.observation_space, "spaces", {})
        prefixes = [key.removesuffix("tcp_pose") for key in keys if key == "tcp_pose" or key.endswith("/tcp_pose")]
        if not prefixes:
            raise ValueError(f"a relative frame needs tcp_pose in the observation, which is {env.observation_space}")
        if obstacle := getattr(env.unwrapped, "turning_obstacle", ""):
            raise ValueError(f"a relative frame turns actions of the TCP, and {obstacle}; leave the frame away")
        self._frames = tuple(_ArmFrame(prefix) for prefix in prefixes)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Takes the pose after the reset as the frame of the episode."""
        observation, info = self.env.reset(seed=seed, options=options)
        for frame in self._frames:
            frame.begin(observation)
        return self._observation(observation), info

    def step(self, action: NDArray[Any]) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Takes an action in TCP axes."""
        before = [frame.quaternion_xyzw for frame in self._frames]
        observation, reward, terminated, truncated, info = self.env.step(_each_turned(before, action))
        if INTERVENTION_ACTION in info:
            own = _each_turned([conjugate(one.tolist()) for one in before], info[INTERVENTION_ACTION])
            info = info | {INTERVENTION_ACTION: own}
        return self._observation(observation), reward, terminated, truncated, info

    def moves(self, key: str) -> bool:
        """Returns whether positions under a key are relative to the start, whose zero is then the centre."""
        return key.rpartition("/")[2] == "tcp_pose" or key.endswith("_position")

    def to_base(self, action: NDArray[Any]) -> NDArray[Any]:
        """Returns the action in base axes that executes an action of the policy now."""
        return _each_turned([frame.quaternion_xyzw for frame in self._frames], action)

    def from_base(self, action: NDArray[Any]) -> NDArray[Any]:
        """Returns the policy's action that does now what one in base axes asks for; in [-1, 1], its direction kept."""
        return _each_turned([conjugate(frame.quaternion_xyzw.tolist()) for frame in self._frames], action)

    def _observation(self, observation: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        result = dict(observation)
        for frame in self._frames:
            result |= frame.seen(observation)
        return result


class _ArmFrame:
    """Holds the frames of one arm, whose keys have a prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._start = Pose(np.zeros(3), np.array((0.0, 0.0, 0.0, 1.0)))
        self.quaternion_xyzw: FloatArray = self._start.quaternion_xyzw

    def begin(self, observation: dict[str, NDArray[Any]]) -> None:
        """Takes the present pose as the frame of the episode."""
        self._start = _pose(observation[f"{self._prefix}tcp_pose"])

    def seen(self, observation: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Returns what changes under the arm's keys."""
        pose = _pose(observation[f"{self._prefix}tcp_pose"])
        self.quaternion_xyzw = pose.quaternion_xyzw
        to_start = invert_pose(self._start)
        relative = compose_poses(to_start, pose)
        orientation = canonical(relative.quaternion_xyzw.tolist())
        result = {f"{self._prefix}tcp_pose": np.concatenate((relative.position, orientation))}
        to_tcp = conjugate(pose.quaternion_xyzw.tolist())
        for key, value in observation.items():
            if not key.startswith(self._prefix):
                continue
            name = key.removeprefix(self._prefix)
            if name in ("tcp_twist", "tcp_wrench"):
                result[key] = rotate_six_vector(to_tcp, value)
            elif name.endswith("_position"):
                result[key] = to_start.position + rotate(to_start.quaternion_xyzw, value)
        return result


@dataclass(frozen=True)
class RelativeFrameOptions:
    """Has no options."""


RELATIVE_FRAME = WrapperPlugin(options=RelativeFrameOptions, build=lambda env, options: RelativeFrame(env), place="raw")
"""As HIL-SERL trains."""


def _pose(vector: NDArray[Any]) -> Pose:
    return Pose(np.array(vector[:3], float), np.array(vector[3:], float))


def _each_turned(quaternions: Sequence[FloatArray | Quaternion], action: NDArray[Any]) -> NDArray[Any]:
    """Turns each arm's share of an action by its own quaternion, xyzw."""
    shares = np.split(np.asarray(action), len(quaternions))
    return np.concatenate([_turned(one, share) for one, share in zip(quaternions, shares, strict=True)])


def _turned(quaternion_xyzw: FloatArray | Quaternion, action: NDArray[Any]) -> NDArray[Any]:
    """Turns the translation, and the rotation of a 7-D or 6-D action; what follows them stays."""
    action = np.asarray(action)
    result = np.array(action, float)
    result[:3] = within_box(rotate(quaternion_xyzw, action[:3]), 1.0)
    if len(action) >= 6:
        result[3:6] = within_box(rotate(quaternion_xyzw, action[3:6]), 1.0)
    return result.astype(action.dtype)
