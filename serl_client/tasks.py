"""Presets of the tasks with the upstream numbers, their registration with gymnasium, and the wrapped training form."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import gymnasium

from serl_client.rewards import DenseLift, NoReward, SparseLift
from serl_client.task_config import TaskConfig
from serl_client.wrappers.flatten_state import FlattenState, pick_cube_components, proprioception_components

PICK_CUBE = TaskConfig(
    name="pick-cube",
    rewards=MappingProxyType({"sparse": SparseLift(), "dense": DenseLift(), "none": NoReward()}),
    tracked_objects=("cube",),
)
"""Lift a 4 cm cube that lies anywhere in x 0.25 to 0.55 m, y -0.25 to 0.25 m."""

PICK_CUBE_VISION = replace(PICK_CUBE, tracked_objects=(), cameras=("front", "wrist"))
"""The same from two cameras; the cube's pose serves the reward alone."""

TASKS: Mapping[str, TaskConfig] = MappingProxyType({"PickCube": PICK_CUBE, "PickCubeVision": PICK_CUBE_VISION})
"""Presets by the name between "serl/" and "-v0"."""


def find_task(name: str) -> TaskConfig:
    """Preset of a name.

    Raises:
        ValueError: No preset has it; the message names the nearest.
    """
    if name in TASKS:
        return TASKS[name]
    nearest = difflib.get_close_matches(name, TASKS, n=1, cutoff=0.3)
    hint = f"did you mean {nearest[0]}? " if nearest else ""
    raise ValueError(f'no task is named "{name}"; {hint}There are: {", ".join(sorted(TASKS))}')


def register_environments() -> None:
    """Makes `gymnasium.make("serl/PickCube-v0")` work; called on import of `serl_client`. Safe to repeat."""
    for name, task in TASKS.items():
        env_id = f"serl/{name}-v0"
        if env_id not in gymnasium.registry:
            gymnasium.register(
                id=env_id,
                entry_point="serl_client.env:RobotEnv",
                kwargs={"task": name},
                max_episode_steps=task.max_episode_steps,
            )


def make_training_env(env_id: str, **kwargs: Any) -> gymnasium.Env[Any, Any]:  # noqa: ANN401
    """An environment as training uses it: one float32 vector under "state", and the camera images if there are any.

    A fault ends the episode, truncated, rather than the training; see `RobotEnv`.

    Args:
        env_id: Such as "serl/PickCube-v0".
        **kwargs: For `gymnasium.make`: address, rotation, reward, ...
    """
    options: dict[str, Any] = {"on_fault": "truncate", **kwargs}
    env = gymnasium.make(env_id, **options)
    try:
        is_rotating = bool(kwargs.get("rotation", False))
        if "cube_position" in getattr(env.observation_space, "spaces", {}):
            components = pick_cube_components(rotation=is_rotating)
        else:
            components = proprioception_components(rotation=is_rotating)
        return FlattenState(env, components)
    except BaseException:
        env.close()
        raise
