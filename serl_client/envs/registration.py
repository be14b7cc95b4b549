"""Registers the environments of all installed tasks with gymnasium, from the names that packages declare.

Gymnasium has no entry points of its own since 1.0: somebody imports a module that registers. Here that module is
`serl_client`, so that a task's package needs none; its entry point under `serl.tasks` is enough. Nothing of a package
is imported before `gymnasium.make`, so that a broken one harms nobody else and `import serl_client` stays fast.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec

from serl_client.envs.dual_arm_env import DualArmEnv
from serl_client.envs.joint_actions import joint_state
from serl_client.envs.robot_env import RobotEnv
from serl_client.envs.task_finding import find_task, is_task, task_names
from serl_client.wrappers.flatten_state import FlattenState, StateComponent
from serl_client.wrappers.plugin import ChosenWrapper, Place


class TaskSpec(EnvSpec):
    """Describes a task's environment to gymnasium."""

    def __init__(self, task: str) -> None:
        super().__init__(id=task, entry_point="serl_client.envs.registration:make_task_env", kwargs={"task": task})

    @property
    def max_episode_steps(self) -> int | None:
        """Steps of an episode, which the task says; its package is imported for it."""
        task = find_task(self.id)
        return task.max_episode_steps if task.environment is None else None

    @max_episode_steps.setter
    def max_episode_steps(self, value: int | None) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Ignores the default of gymnasium's constructor: the task decides."""


def register_environments() -> None:
    """Makes `gymnasium.make("serl/PickCube-v0")` work; called on import of `serl_client`. Safe to repeat."""
    for name in task_names():
        if name not in gymnasium.registry:
            gymnasium.registry[name] = TaskSpec(name)


def make_task_env(task: str, *, reward: str = "sparse", **options: Any) -> gymnasium.Env[Any, Any]:  # noqa: ANN401
    """Makes an environment of a task: `RobotEnv`, `DualArmEnv`, or the task's own, which needs no daemon."""
    found = find_task(task)
    if found.environment is not None:
        return found.environment(reward=reward)
    return DualArmEnv(found, reward=reward, **options) if found.arms else RobotEnv(found, reward=reward, **options)


def make_training_env(
    env_id: str,
    *,
    wrappers: Sequence[ChosenWrapper] = (),
    judged: Callable[[gymnasium.Env[Any, Any]], gymnasium.Env[Any, Any]] = lambda env: env,
    **kwargs: Any,  # noqa: ANN401
) -> gymnasium.Env[Any, Any]:
    """Makes an environment as training uses it: one float32 vector under "state", and any camera images.

    A fault ends the episode, truncated, rather than the training; see `RobotEnv`.

    Args:
        env_id: Such as "serl/PickCube-v0", or a task as "package.module:object".
        wrappers: What `find_wrappers` found.
        judged: Puts a learned reward around the state vector and images.
        **kwargs: For `gymnasium.make`: address, rotation, reward, ...
    """
    options: dict[str, Any] = {"on_fault": "truncate", **kwargs}
    env = gymnasium.make(TaskSpec(env_id) if is_task(env_id) else env_id, **options)
    try:
        env = _wrapped(env, wrappers, "raw")
        if isinstance(env.unwrapped, RobotEnv | DualArmEnv):
            env = FlattenState(env, _components(env, env.unwrapped))
        return _wrapped(_wrapped(judged(env), wrappers, "state"), wrappers, "chunk")
    except BaseException:
        env.close()
        raise


def _wrapped(env: gymnasium.Env[Any, Any], wrappers: Sequence[ChosenWrapper], place: Place) -> gymnasium.Env[Any, Any]:
    for wrapper in wrappers:
        if wrapper.plugin.place == place:
            env = wrapper.wrap(env)
    return env


def _components(env: gymnasium.Env[Any, Any], robot: RobotEnv | DualArmEnv) -> tuple[StateComponent, ...]:
    """State vector of the task; the centre of a relative frame is its start, wherever that is in the base's."""
    components = robot.task.components(rotation=robot.is_rotating)
    if isinstance(robot, RobotEnv) and robot.control == "joint":
        components = (joint_state(robot.arm.joint_count), *components)
    if not env.has_wrapper_attr("moves"):
        return components
    moves = env.get_wrapper_attr("moves")
    return tuple(replace(part, offset=()) if moves(part.key) else part for part in components)
