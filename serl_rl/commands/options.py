"""Options that several subcommands share, and how a preset or a file becomes their default."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from serl_rl import config as configuration
from serl_rl.config import TrainConfig
from serl_rl.errors import UsageError
from serl_rl.presets import PRESETS, preset

PresetName = Annotated[
    str, tyro.conf.arg(help=f"Named experiment that the other values come from: {', '.join(PRESETS)}.")
]
ConfigFile = Annotated[
    Path | None, tyro.conf.arg(help="A run's config.json that the other values come from, instead of a preset.")
]


def base_config(arguments: Sequence[str]) -> TrainConfig:
    """Finds the experiment that command-line values override.

    Args:
        arguments: The command line; only `--preset`, `--vision` and `--config-file` are looked at.

    Returns:
        The experiment.

    Raises:
        UsageError: The preset or the file does not exist or does not fit.
    """
    path = _value(arguments, "--config-file")
    if path is not None:
        try:
            return configuration.load(Path(path))
        except (OSError, json.JSONDecodeError, ValueError, TypeError) as error:
            raise UsageError(f"cannot use the config file {path}: {error}") from error
    return preset(chosen_preset(_value(arguments, "--preset") or "pick-cube", vision="--vision" in arguments))


def chosen_preset(name: str, *, vision: bool) -> str:
    """Name of the preset that is meant; with vision, of the same task's from images."""
    return f"{name}-vision" if vision and "-vision" not in name else name


def _value(arguments: Sequence[str], flag: str) -> str | None:
    for index, argument in enumerate(arguments):
        if argument.replace("_", "-") == flag and index + 1 < len(arguments):
            return arguments[index + 1]
        name, separator, value = argument.partition("=")
        if separator and name.replace("_", "-") == flag:
            return value
    return None
