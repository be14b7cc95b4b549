"""The environment of a run, by name: from `serl_client`, or a tiny one of its own for tests."""

from __future__ import annotations

from typing import Any

import gymnasium

from serl_rl.config import EnvironmentConfig
from serl_rl.spec import EnvironmentSpec

POINT_MASS = "serl/PointMass-v0"


def make_environment(config: EnvironmentConfig, address: str | None = None) -> gymnasium.Env[Any, Any]:
    """Makes the environment that training uses: a `Dict` of arrays in, actions in [-1, 1] out.

    Args:
        config: Which one.
        address: Address of the daemon that drives the arm; None starts a private simulator.

    Returns:
        The environment. The caller closes it.
    """
    if config.id == POINT_MASS:
        from serl_rl.point_mass import PointMassEnv

        return PointMassEnv()
    from serl_client.tasks import make_training_env

    return make_training_env(
        config.id,
        address=address,
        rotation=config.rotation,
        reward=config.reward,
        render_mode="rgb_array",  # Nothing is rendered until somebody asks for it.
        disable_env_checker=True,
    )


def spec_of(env: gymnasium.Env[Any, Any], config: EnvironmentConfig) -> EnvironmentSpec:
    """Describes an environment for the learner.

    Args:
        env: The environment.
        config: Its configuration, which gives the name.

    Returns:
        The spec.
    """
    names = getattr(env.unwrapped, "component_names", None)
    if hasattr(env, "get_wrapper_attr") and names is None:
        try:
            names = env.get_wrapper_attr("component_names")
        except AttributeError:
            names = None
    if names is not None and not hasattr(names, "items"):
        names = {"state": tuple(names)}
    return EnvironmentSpec.from_spaces(config.id, env.observation_space, env.action_space, names)
