"""Options that several subcommands share, and how a preset or a file becomes their default."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import tyro

from serl_api.settings import check_fields, read_json
from serl_rl.artifacts.run_directory import RunDirectory
from serl_rl.config import train as configuration
from serl_rl.config.presets import preset, preset_names
from serl_rl.config.train import TrainConfig
from serl_rl.errors import UsageError

PresetName = Annotated[
    str,
    tyro.conf.arg(
        help=f"Named experiment that the other values come from: {', '.join(preset_names())}, or package.module:object."
    ),
]
ConfigFile = Annotated[
    Path | None,
    tyro.conf.arg(
        help='A run\'s config.json that the other values come from, or a JSON file of a few values over a "preset".'
    ),
]

RerunTarget = Annotated[
    str | None,
    tyro.conf.arg(
        help="Where to stream cameras, path, actions, values and rewards for the rerun viewer: a file such as out.rrd, "
        '"connect" for a viewer on this machine, or the address of one, rerun+http://host:9876/proxy.'
    ),
]


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """Holds the options of a command that needs an experiment."""

    preset: PresetName = "pick-cube"
    config_file: ConfigFile = None
    config: Annotated[TrainConfig, tyro.conf.arg(name="")] = field(default_factory=TrainConfig)
    """The experiment; each value can be overridden."""

    def __post_init__(self) -> None:
        """Refuses values that cannot work."""
        check_fields(self)

    @classmethod
    def defaults(cls, arguments: Sequence[str]) -> dict[str, Any]:
        """Finds options beside the experiment that the command line gives other defaults; none unless overridden."""
        return {}


_DEFAULT_PRESETS = {"forward-backward": "relocate-cube"}
_ALGORITHMS = {"act": "act"}
"""What a command trains, unless its preset names something else than sac."""


def base_config(arguments: Sequence[str]) -> TrainConfig:
    """Finds the experiment that command-line values override.

    Args:
        arguments: The command line; only `--preset`, `--vision`, `--act`, `--algorithm` and `--config-file` are looked
            at, and of a command that goes on with a run its folder.

    Returns:
        The experiment.

    Raises:
        UsageError: The preset or the file does not exist or does not fit.
    """
    path = option_value(arguments, "--config-file") or _resumed_config(arguments)
    if path is not None:
        if "--vision" in arguments:
            raise UsageError(
                f"--vision names a preset, but the experiment comes from {path}; leave one of them away, or write "
                '"preset": "pick-cube-vision" into the file'
            )
        return _with_algorithm(config_of_file(Path(path)), arguments)
    has_vision, has_act = "--vision" in arguments, "--act" in arguments
    default = "relocate-cube" if has_act else _DEFAULT_PRESETS.get(next(iter(arguments), ""), "pick-cube")
    name = option_value(arguments, "--preset") or default
    config = preset(chosen_preset(name, vision=has_vision, act=has_act))
    return _with_algorithm(config, arguments)


def _with_algorithm(config: TrainConfig, arguments: Sequence[str]) -> TrainConfig:
    """Names the algorithm at once, so that its settings are options."""
    named = option_value(arguments, "--algorithm") or option_value(arguments, "--config.algorithm")
    if named is None and config.algorithm == "sac":
        named = _ALGORITHMS.get(next(iter(arguments), ""))
    return config if named is None else replace(config, algorithm=named)


def _resumed_config(arguments: Sequence[str]) -> str | None:
    """Finds the settings of the run that a learner or `act` goes on with, unless it is given others."""
    folder, is_resumed = option_value(arguments, "--run-directory"), "--resume" in arguments
    can_resume = next(iter(arguments), "") in ("learner", "act") and not option_value(arguments, "--preset")
    if not can_resume or not is_resumed or folder is None:
        return None
    path = RunDirectory(Path(folder)).config
    return str(path) if path.exists() else None


def config_of_file(path: Path) -> TrainConfig:
    """Reads a run's `config.json`, or a file with some of its values and the name of a preset for all others.

    Raises:
        UsageError: It cannot be read, is no JSON object, a key or value does not fit, or there is no such preset.
    """
    try:
        values = read_json(path)
        name = values.pop("preset", None)
        if name is not None:
            values = _over(configuration.to_dict(preset(str(name))), values)
        return configuration.from_dict(values)
    except ValueError as error:
        raise UsageError(f"cannot use the config file {path}: {error}") from error


def _over(base: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Puts values over others, section by section."""
    merged = dict(base)
    for key, value in values.items():
        below = merged.get(key)
        merged[key] = _over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def say(text: str) -> None:
    """Tells people something, in a line beside the result."""
    sys.stderr.write(f"{text}\n")


def print_json(values: object) -> None:
    """Prints a result."""
    sys.stdout.write(json.dumps(values, indent=2) + "\n")
    sys.stdout.flush()


def refuse_existing(path: Path, option: str) -> None:
    """Refuses to write where something is already.

    Raises:
        UsageError: It is.
    """
    if path.exists():
        raise UsageError(f"{path} exists already; give another {option}, or remove it")


def refuse_keyboard(config: TrainConfig) -> None:
    """Refuses a keyboard to commands whose actor is a process without a terminal.

    Raises:
        UsageError: Its keyboard is to be read.
    """
    if config.intervene == "keyboard":
        raise UsageError(
            "intervene is keyboard, and the actor that this command starts has no terminal to read it in; take a "
            "spacemouse or gamepad, or start learner and actor by hand"
        )


def chosen_preset(name: str, *, vision: bool, act: bool = False) -> str:
    """Returns the name of the preset that is meant; with vision or act, of the same task's from images or by act."""
    for is_wanted, ending in ((vision, "-vision"), (act, "-act")):
        name = f"{name}{ending}" if is_wanted and ending not in name else name
    return name


def option_value(arguments: Sequence[str], flag: str) -> str | None:
    """Returns the value that a command line gives an option; None where it does not."""
    for index, argument in enumerate(arguments):
        if argument.replace("_", "-") == flag and index + 1 < len(arguments):
            return arguments[index + 1]
        name, separator, value = argument.partition("=")
        if separator and name.replace("_", "-") == flag:
            return value
    return None
