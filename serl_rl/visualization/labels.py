"""Names an action's components and the thresholds of classifiers, for display."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from serl_rl.envs.factory import attribute_of


@dataclass(frozen=True, kw_only=True)
class Labels:
    """Holds what all step records of a run share."""

    action: tuple[str, ...]
    """Name of each component of an action."""
    cameras: tuple[str, ...]
    """Names of the images in an observation, in order."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Probability from which a classifier says yes, by what it looks for."""
    rate_hz: float = 10.0
    """Environment steps a second."""


def labels_of(env: gymnasium.Env[Any, Any], rate_hz: float) -> Labels:
    """Reads the labels of an environment."""
    size = int((env.action_space.shape or (0,))[0])
    return Labels(
        action=_action_names(env, size),
        cameras=_camera_names(env.observation_space),
        thresholds=attribute_of(env, "success_thresholds", {}),
        rate_hz=rate_hz,
    )


def _camera_names(space: gymnasium.Space[Any]) -> tuple[str, ...]:
    found = space.spaces if isinstance(space, spaces.Dict) else {}
    return tuple(name for name, one in found.items() if one.dtype == np.uint8 and len(one.shape or ()) == 3)


def _action_names(env: gymnasium.Env[Any, Any], size: int) -> tuple[str, ...]:
    names = attribute_of(env, "action_names", ())
    return names if len(names) == size else tuple(f"a{index}" for index in range(size))
