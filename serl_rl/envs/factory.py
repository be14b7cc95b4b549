"""Makes the environment of a run, by the name of its task."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium

from serl_api.plugins import PluginError
from serl_api.security import read_token
from serl_client.envs.registration import make_training_env
from serl_client.envs.task import Task
from serl_client.envs.task_finding import find_task
from serl_client.wrappers.plugin import find_wrappers
from serl_rl.envs.config import EnvironmentConfig
from serl_rl.errors import UsageError
from serl_rl.protocol.spec import EnvironmentSpec


@dataclass(frozen=True, kw_only=True)
class RobotConfig:
    """Names the daemon that drives the arm."""

    robot: str | None = None
    """Address of the daemon that drives the arm; none starts a private simulator."""
    robot_tls_root: Path | None = None
    """PEM file with the certificate that signed the daemon's; none for a plain connection."""
    robot_tls_identity: Path | None = None
    """PEM file with a private key and its certificate, where the daemon asks clients for one."""
    robot_token_file: Path | None = None
    """File whose first line is the daemon's bearer token."""

    def token(self) -> str | None:
        """Reads the bearer token; None without a file.

        Raises:
            ConfigError: The file cannot be read or is empty.
        """
        return None if self.robot_token_file is None else read_token(self.robot_token_file)


def make_environment(config: EnvironmentConfig, robot: RobotConfig | None = None) -> gymnasium.Env[Any, Any]:
    """Makes the environment that training uses: a `Dict` of arrays in, actions in [-1, 1] out.

    Args:
        config: Which one.
        robot: Which daemon; None starts a private simulator.

    Returns:
        The environment. The caller closes it.

    Raises:
        UsageError: No environment or wrapper has that name, or a wrapper does not fit.
        ConfigError: The token file cannot be read or is empty.
        ClassifierError: The classifier is missing or damaged, or looks through cameras that the environment lacks.
    """
    robot = robot or RobotConfig()
    limit = {"max_episode_steps": config.max_episode_steps} if config.max_episode_steps else {}
    try:
        return make_training_env(
            config.id,
            wrappers=find_wrappers(config.all_wrappers),
            judged=lambda env: _judged(env, config),
            address=robot.robot,
            token=robot.token(),
            tls_root=robot.robot_tls_root,
            tls_identity=robot.robot_tls_identity,
            rotation=config.rotation,
            control=config.control,
            reward=config.reward,
            gripper_action=config.gripper_action,
            render_mode="rgb_array",  # Nothing is rendered until somebody asks for it.
            disable_env_checker=True,
            **limit,
        )
    except PluginError as error:
        raise UsageError(f"environment {config.id} cannot be made: {error}") from None
    except gymnasium.error.UnregisteredEnv as error:
        task_of(config)  # Says what there is.
        raise UsageError(f"environment.id is {config.id}: {error}") from None


def _judged(env: gymnasium.Env[Any, Any], config: EnvironmentConfig) -> gymnasium.Env[Any, Any]:
    """Replaces an environment's reward by a classifier's, if there is one."""
    if not config.classifier.judges:
        return env
    from serl_rl.rewards.classifier.reward import with_classifier_reward  # Here only: it loads torch.

    return with_classifier_reward(env, config.classifier)


def share_maps(env: gymnasium.Env[Any, Any], policy: object) -> bool:
    """Lets an environment's classifiers read the maps of a policy's frozen backbone; returns whether it is theirs."""
    memo = getattr(policy, "memo", None)
    if memo is None or not isinstance(env, gymnasium.Env) or not env.has_wrapper_attr("share_maps"):
        return False
    return bool(env.get_wrapper_attr("share_maps")(memo))


def attribute_of(env: gymnasium.Env[Any, Any], name: str, default: Any = None) -> Any:  # noqa: ANN401
    """Returns an attribute of an environment or of one of its wrappers, or the default where none has it."""
    return env.get_wrapper_attr(name) if env.has_wrapper_attr(name) else default


def control_rate_hz(env: gymnasium.Env[Any, Any]) -> float:
    """Returns the environment steps a second, for display."""
    return float(attribute_of(env, "control_rate_hz", env.metadata.get("render_fps", 10.0)))


def task_of(config: EnvironmentConfig) -> Task:
    """Finds the task of an environment.

    Raises:
        UsageError: No task has that name, or it cannot be used.
    """
    try:
        return find_task(config.id)
    except PluginError as error:
        raise UsageError(f"environment.id is {config.id}: {error}") from None


def check_environment(config: EnvironmentConfig) -> None:
    """Checks that an environment can be made of settings, before anything is started for it.

    Raises:
        UsageError: No task, reward or wrapper has that name, or it cannot be used.
    """
    task = task_of(config)
    if task.rewards and config.reward not in task.rewards:
        raise UsageError(
            f"environment.reward is {config.reward}; the rewards of {config.id} are: {', '.join(task.rewards)}"
        )
    try:
        find_wrappers(config.all_wrappers)
    except PluginError as error:
        raise UsageError(f"environment {config.id} cannot be made: {error}") from None


def simulator_scene(config: EnvironmentConfig) -> str | None:
    """Returns the name of the scene that a simulator must load for an environment; None where it needs none."""
    task = task_of(config)
    return task.scene if task.environment is None else None


def spec_of(env: gymnasium.Env[Any, Any], config: EnvironmentConfig) -> EnvironmentSpec:
    """Describes an environment for the learner."""
    names = getattr(env.unwrapped, "component_names", None)
    if names is None:
        names = attribute_of(env, "component_names")
    if names is not None and not hasattr(names, "items"):
        names = {"state": tuple(names)}
    arm = ""
    if config.control != "tcp":
        names = {**(names or {}), "action": attribute_of(env, "action_names")}
    if config.control == "joint":
        arm = attribute_of(env, "arm_name")
    return EnvironmentSpec.from_spaces(config.id, env.observation_space, env.action_space, names, arm)
