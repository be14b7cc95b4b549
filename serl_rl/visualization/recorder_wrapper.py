"""Records the steps of episodes and passes them on to sinks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, SupportsFloat

import gymnasium
import numpy as np

from serl_client.episodes.info_keys import INTERVENTION_ACTION
from serl_rl.algorithms.algorithm import ActionCritic
from serl_rl.visualization.labels import Labels
from serl_rl.visualization.saved_critic import NewestCritic
from serl_rl.visualization.step_record import Image, StepRecord, StepSink

_PROBABILITY = "_probability"
_POSITION = "_position"


class StepRecorder(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Wraps an environment, interventions included; changes nothing.

    Args:
        env: The environment.
        sinks: Where records go.
        labels: Names of the cameras, and the rate where the environment's info has no stamps.
        critic: Predicts the values of actions; None for none.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        sinks: Sequence[StepSink],
        labels: Labels,
        critic: ActionCritic | NewestCritic | None = None,
    ) -> None:
        super().__init__(env)
        self._sinks = tuple(sinks)
        self._labels = labels
        self._critic = critic
        self._episode = 0
        self._wanting: tuple[StepSink, ...] = ()
        self._seen: dict[str, Any] = {}
        self._observation: Mapping[str, np.ndarray] = {}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begins an episode, and keeps its first observation."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._episode += 1
        self._wanting = tuple(one for one in self._sinks if one.wants(self._episode))
        if self._wanting:
            if self._critic is not None:
                self._critic.begin_episode()
            self._see(observation, info, step=0, reward=0.0, total_reward=0.0)
        return observation, info

    def step(self, action: np.ndarray) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Takes a step, then emits the record of it."""
        result = self.env.step(action)
        if self._wanting:
            observation, reward, terminated, truncated, info = result
            executed = np.array(info.get(INTERVENTION_ACTION, action), np.float32)
            values = self._critic.values(self._observation, executed) if self._critic is not None else None
            is_intervention = INTERVENTION_ACTION in info
            self._emit(StepRecord(**self._seen, action=executed, values=values, is_intervention=is_intervention))
            total = self._seen["total_reward"] + float(reward)
            step = self._seen["step"] + 1
            self._see(observation, info, step=step, reward=float(reward), total_reward=total)
            if terminated or truncated:
                success = bool(info.get("success", False))
                self._emit(StepRecord(**self._seen, success=success, is_terminated=bool(terminated)))
        return result

    def _emit(self, record: StepRecord) -> None:
        for one in self._wanting:
            one.show(record)

    def _see(self, observation: Mapping[str, np.ndarray], info: Mapping[str, Any], **rest: Any) -> None:  # noqa: ANN401
        """Notes what is known before an action is chosen."""
        stamp_ns = info.get("stamp_ns")
        widths = np.ravel(info.get("gripper_width", math.nan))
        width = float(widths[0]) if len(widths) == 1 else math.nan  # Two arms have two, and no bar is drawn.
        self._observation = observation
        self._seen = {
            "episode": self._episode,
            "time_s": rest["step"] / self._labels.rate_hz if stamp_ns is None else stamp_ns / 1e9,
            "cameras": {name: np.array(observation[name]) for name in self._labels.cameras},
            "scene": self._scene(),
            "tcp_pose": np.array(info["tcp_pose"]) if "tcp_pose" in info else None,
            "gripper_width": None if math.isnan(width) else width,
            "objects": _ending(info, _POSITION, lambda value: np.array(value, np.float64)),
            "probabilities": _ending(info, _PROBABILITY, float),
            **rest,
        }

    def _scene(self) -> Image | None:
        """Renders the scene for sinks that want it, where the policy has no cameras."""
        if self._labels.cameras or not any(one.needs_scene for one in self._wanting):
            return None
        picture: Any = self.env.render()
        return None if picture is None else np.array(picture, np.uint8)


def _ending(info: Mapping[str, Any], suffix: str, convert: Callable[[Any], Any]) -> dict[str, Any]:
    return {name.removesuffix(suffix): convert(value) for name, value in info.items() if name.endswith(suffix)}
