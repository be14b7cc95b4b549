"""Every number of every command and of every cell's file is bounded, and refused by the full name of its option."""

import dataclasses
import types
import typing
from typing import Annotated

import pytest

from robot_daemon.config.cell_config import DaemonConfig
from robot_daemon.drivers.franka.options import FrankaOptions
from robot_daemon.drivers.franka_hand.options import FrankaHandOptions
from robot_daemon.drivers.realsense.options import RealsenseOptions
from robot_daemon.drivers.robotiq.options import RobotiqOptions
from robot_daemon.drivers.tracker import TrackerOptions
from robot_daemon.drivers.webcam import WebcamOptions
from serl_api.settings import Bound, ConfigError, to_dataclass
from serl_client.wrappers.plugin import PluginError, find_wrappers
from serl_rl.__main__ import COMMANDS as NAMES
from serl_rl.__main__ import load_command, main
from serl_rl.config import train as configuration

ANY_NUMBER = {"sac.return_range", "sac.target_entropy"}
"""What may have any sign and size."""
COMMANDS = {name: kind for name in NAMES if dataclasses.fields(kind := load_command(name))}
FILES = (
    DaemonConfig,
    FrankaOptions,
    FrankaHandOptions,
    RealsenseOptions,
    RobotiqOptions,
    TrackerOptions,
    WebcamOptions,
)


def numbers(kind, path=""):
    """Every field with a number, as (path, annotation)."""
    hints = typing.get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        hint, below = hints[field.name], f"{path}.{field.name}".removeprefix(".").removeprefix("config.")
        bare = typing.get_args(hint)[0] if typing.get_origin(hint) is Annotated else hint
        if dataclasses.is_dataclass(bare):
            yield from numbers(bare, below)
        elif {int, float} & set(parts(bare)):
            yield below, hint


def parts(hint):
    """A type, or those that it is made of."""
    if typing.get_origin(hint) in (tuple, types.UnionType, typing.Union):
        return [part for inner in typing.get_args(hint) for part in parts(inner)]
    return [hint]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_number_of_a_command_has_a_bound(name):
    found = dict(numbers(COMMANDS[name]))
    bounded = {path for path, hint in found.items() if any(isinstance(mark, Bound) for mark in _marks(hint))}
    assert set(found) - bounded <= ANY_NUMBER


def _marks(hint):
    return typing.get_args(hint)[1:] if typing.get_origin(hint) is Annotated else ()


@pytest.mark.parametrize("kind", FILES)
def test_no_number_of_a_cells_file_may_be_infinite_or_none(kind):
    for path, hint in numbers(kind):
        if float not in parts(hint):
            continue
        for value in (float("nan"), float("inf"), 10**400):
            *sections, name = path.split(".")
            table = {name: value}
            for section in reversed(sections):
                table = {section: table}
            with pytest.raises(ConfigError):
                to_dataclass(kind, table)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"environment": {"rotation": "false"}}, "environment.rotation must be true or false, not 'false'"),
        ({"sac": {"adam_clock": "Joint"}}, "sac.adam_clock is 'Joint'; it must be one of: 'separate', 'joint'"),
        ({"learner": {"replay_capacity": 0}}, "learner.replay_capacity is 0; it must be at least 2"),
        ({"learner": {"replay_capacity": -5}}, "learner.replay_capacity is -5; it must be at least 2"),
        ({"learner": {"kept_checkpoints": -1}}, "learner.kept_checkpoints is -1; it must be at least 1"),
        ({"actor": {"spool_limit_mb": -1}}, "actor.spool_limit_mb is -1.0; it must be above 0"),
        ({"evaluation": {"episode_count": 0}}, "evaluation.episode_count is 0; it must be at least 1"),
    ],
)
def test_a_settings_file_is_held_to_type_choice_and_bound(values, message):
    with pytest.raises(ConfigError) as caught:
        configuration.from_dict(values)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--learner.replay-capacity=-5", "learner.replay_capacity is -5; it must be at least 2"),
        ("--learner.kept-checkpoints=-1", "learner.kept_checkpoints is -1; it must be at least 1"),
        ("--vision.cache.crops=0", "vision.cache.crops is 0; it must be at least 1"),
        ("--sac.discount=nan", "sac.discount is nan; it must be in [0, 1] and finite"),
    ],
)
def test_a_command_line_is_held_to_the_same_in_the_same_words(option, message, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["learner", "--run-directory", "run", option])
    assert (caught.value.code, capsys.readouterr().err) == (2, f"serl-train: {message}\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chunking,action_horizon=four", "action_horizon must be a whole number, not 'four'"),
        ("chunking,action_horizon=2.5", "action_horizon must be a whole number, not 2.5"),
        ("gripper-penalty,cost=nan", "cost must be a number, not 'nan'"),
        ("gripper-penalty,cost=1e999", "cost is inf; it must be at least 0 and finite"),
    ],
)
def test_options_of_a_wrapper_are_held_to_theirs(text, message):
    with pytest.raises(PluginError) as caught:
        find_wrappers((text,))
    assert str(caught.value) == f"the wrapper {text} cannot be used: {message}"
