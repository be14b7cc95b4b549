"""Presets of the tasks with the upstream numbers, their registration with gymnasium, and the wrapped training form."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import gymnasium
import numpy as np

from serl_api.values import Pose
from serl_client.envs.pose_box import PoseBox
from serl_client.envs.rewards import DenseLift, NoReward, PoseReached, Relocated, SparseInsertion, SparseLift
from serl_client.envs.task_config import SERL_COMPLIANCE, Reach, TaskConfig
from serl_client.wrappers.flatten_state import (
    FlattenState,
    peg_insert_components,
    pick_cube_components,
    proprioception_components,
)

PICK_CUBE = TaskConfig(
    name="pick-cube",
    rewards=MappingProxyType({"sparse": SparseLift(), "dense": DenseLift(), "none": NoReward()}),
    state=pick_cube_components,
    tracked_objects=("cube",),
)
"""Lift a 4 cm cube that lies anywhere in x 0.25 to 0.55 m, y -0.25 to 0.25 m."""

PICK_CUBE_VISION = replace(PICK_CUBE, state=proprioception_components, tracked_objects=(), cameras=("front", "wrist"))
"""The same from two cameras; the cube's pose serves the reward alone."""

_INSERTED = Pose(np.array((0.5, 0.0, 0.045)), np.array((1.0, 0.0, 0.0, 0.0)))
"""Pose of the TCP with the peg at the bottom of the socket; on a real cell this is measured, see the training guide."""

PEG_INSERT = TaskConfig(
    name="peg-insert",
    rewards=MappingProxyType({"sparse": SparseInsertion(), "pose": PoseReached(goal=_INSERTED), "none": NoReward()}),
    state=peg_insert_components,
    translation_scale=0.02,
    rotation_scale=0.1,
    compliance=replace(
        SERL_COMPLIANCE,
        translational_clip_positive=(0.003, 0.003, 0.01),
        translational_clip_negative=(0.003, 0.003, 0.01),
        rotational_clip_positive=(0.04, 0.04, 0.04),
        rotational_clip_negative=(0.04, 0.04, 0.04),
    ),
    start=PoseBox(
        center=_INSERTED, lower=(-0.05, -0.05, 0.10), upper=(0.05, 0.05, 0.10), rotation=(0.0, 0.0, math.pi / 6)
    ),
    start_gripper_width=0.016,
    box=PoseBox(
        center=_INSERTED, lower=(-0.05, -0.05, 0.0), upper=(0.05, 0.05, 0.1), rotation=(0.01, 0.01, math.pi / 6)
    ),
    rotation=True,
    has_gripper=False,
    max_episode_steps=100,
)
"""SERL's peg insertion: a held peg into a socket, from anywhere 10 cm above it, yaw up to 30 degrees off.

The numbers are upstream's (`FrankaPegInsert`); its rotation error is half the angle, so the rotational clip is twice as
large here.
"""

PEG_INSERT_VISION = replace(PEG_INSERT, cameras=("front", "wrist"))
"""The same with two cameras."""

RELOCATE_FORWARD = TaskConfig(
    name="relocate-cube",
    rewards=MappingProxyType({"sparse": Relocated(side="right"), "none": NoReward()}),
    state=pick_cube_components,
    tracked_objects=("cube",),
    reach=Reach(name="cube", lower=(0.22, -0.32), upper=(0.58, 0.32)),
    opposite="RelocateBackward",
    max_episode_steps=80,
)
"""Carry the cube of pick-cube to the right half of the table, y below 0, and let go of it there."""

RELOCATE_BACKWARD = replace(
    RELOCATE_FORWARD,
    rewards=MappingProxyType({"sparse": Relocated(side="left"), "none": NoReward()}),
    opposite="RelocateForward",
)
"""Carry it back to the left half: each of the two sets the scene of the other."""

RELOCATE_FORWARD_VISION, RELOCATE_BACKWARD_VISION = (
    replace(
        task,
        state=proprioception_components,
        tracked_objects=(),
        cameras=("front", "wrist"),
        opposite=f"{task.opposite}Vision",
    )
    for task in (RELOCATE_FORWARD, RELOCATE_BACKWARD)
)
"""The same from two cameras; the cube's pose serves the reward alone."""

TASKS: Mapping[str, TaskConfig] = MappingProxyType(
    {
        "PickCube": PICK_CUBE,
        "PickCubeVision": PICK_CUBE_VISION,
        "PegInsert": PEG_INSERT,
        "PegInsertVision": PEG_INSERT_VISION,
        "RelocateForward": RELOCATE_FORWARD,
        "RelocateBackward": RELOCATE_BACKWARD,
        "RelocateForwardVision": RELOCATE_FORWARD_VISION,
        "RelocateBackwardVision": RELOCATE_BACKWARD_VISION,
    }
)
"""Presets by the name between "serl/" and "-v0"."""


def task_name(environment: str) -> str:
    """Key of `TASKS` for an environment such as "serl/PickCube-v0"; of another environment it is no key."""
    return environment.removeprefix("serl/").removesuffix("-v0")


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
                entry_point="serl_client.envs.robot_env:RobotEnv",
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
        task: TaskConfig = env.get_wrapper_attr("task")
        return FlattenState(env, task.state(rotation=env.get_wrapper_attr("is_rotating")))
    except BaseException:
        env.close()
        raise
