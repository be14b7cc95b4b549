"""Finds named experiments, which packages offer under `serl.presets`, and derives one from another."""

from __future__ import annotations

from dataclasses import replace

from serl_api.plugins import PluginError, list_plugins, load_plugin
from serl_rl.config.train import TrainConfig
from serl_rl.errors import UsageError
from serl_rl.rewards.vice_config import ViceConfig

GROUP = "serl.presets"
"""Entry-point group of `TrainConfig`."""


def preset_names() -> tuple[str, ...]:
    """Lists the names of all experiments that installed packages offer, sorted."""
    return tuple(dict.fromkeys(plugin.name for plugin in list_plugins(GROUP)))


def preset(name: str) -> TrainConfig:
    """Finds an experiment.

    Args:
        name: Its name, or "package.module:object".

    Raises:
        UsageError: There is none of that name (the nearest one and all names are given), or it cannot be used.
    """
    try:
        return load_plugin(GROUP, name, TrainConfig)
    except PluginError as error:
        raise UsageError(str(error)) from error


def with_vice(config: TrainConfig, vice: ViceConfig) -> TrainConfig:
    """Derives the same task with a learned reward. The dense one only says whether the task is done.

    Staying at the goal is paid at every step, so that returns reach 1 / (1 - gamma).
    """
    return replace(
        config,
        environment=replace(config.environment, reward="dense"),
        sac=replace(config.sac, return_range=(0.0, 1 / (1 - config.sac.discount)), imitation_weight=0.0),
        vice=replace(vice, enabled=True),
    )
