"""`serl-train`: parses the command line, runs the subcommand, turns errors into one sentence and an exit code."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import logging
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Protocol, Union

import tyro

from serl_api.errors.robot import RobotError
from serl_api.lifetime.child_process import ProcessError
from serl_api.server import ServeError
from serl_api.settings import ConfigError
from serl_client.cli.command_line import parse_command
from serl_client.errors import AddressError
from serl_rl.cli.options import Experiment, base_config
from serl_rl.config.train import TrainConfig
from serl_rl.errors import RunError, UsageError, sentence_of
from serl_rl.processes.broken_pipe_safe_stream import BrokenPipeSafeStream
from serl_rl.replay.errors import ReplayError

COMMANDS = {
    "demo": "demo:DemoCommand",
    "learner": "learner:LearnerCommand",
    "actor": "actor:ActorCommand",
    "forward-backward": "forward_backward:ForwardBackwardCommand",
    "evaluate": "evaluate:EvaluateCommand",
    "record-demos": "record:RecordCommand",
    "label-success": "label:LabelCommand",
    "review": "review:ReviewCommand",
    "export": "converting:ExportCommand",
    "import": "converting:ImportCommand",
    "plot": "plot:PlotCommand",
    "inspect": "inspect:InspectCommand",
    "bc": "bc:BcCommand",
    "act": "act:ActCommand",
    "train-classifier": "classifier:TrainClassifierCommand",
    "pretrain-encoder": "pretrain:PretrainEncoderCommand",
    "tasks": "tasks:TasksCommand",
}
"""Subcommands, each with its module below `serl_rl.cli` and its class; only the one that is called is loaded."""


class Command(Protocol):
    """Defines what every subcommand does."""

    def run(self) -> int:
        """Does its work; returns the exit code."""
        ...


_DESCRIPTION = (
    "Train a robot arm. `demo` does everything in simulation; by hand the order is record-demos, learner, actor, plot, "
    "evaluate. `serl-train COMMAND --help` has examples and settings."
)


def load_command(name: str) -> type[Command]:
    """Loads a subcommand of `COMMANDS`."""
    module, _, kind = COMMANDS[name].partition(":")
    return getattr(importlib.import_module(f"serl_rl.cli.{module}"), kind)


def parse(arguments: Sequence[str]) -> Command:
    """Parses a command line, without the program's name, into the filled subcommand.

    Raises:
        UsageError: A preset or value that cannot be used.
        SystemExit: `--help`, or an unknown option.
    """
    chosen = next(iter(arguments), "")
    try:
        config = base_config(arguments)
        if chosen in COMMANDS:  # Alone, as loading all of them costs a learner that is waited for a tenth of a second.
            default = _default(load_command(chosen), config, arguments)
            return parse_command(type(default), f"serl-train {chosen}", None, arguments[1:], default)
        union: Any = Union[tuple(_listed(name, config) for name in COMMANDS)]  # noqa: UP007 - built at run time.
        return parse_command(union, "serl-train", _DESCRIPTION, arguments)
    except ValueError as error:
        raise UsageError(str(error)) from error
    except BrokenPipeError:  # Whoever read the help, such as head, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None


def _listed(name: str, config: TrainConfig) -> Any:  # noqa: ANN401
    """Builds a subcommand for the list of all, which says each in a sentence."""
    kind = load_command(name)
    description = (kind.__doc__ or "").split("\n\n")[0]
    default = _default(kind, config, ())
    return Annotated[kind, tyro.conf.subcommand(name, description=description, default=default)]


def _default(kind: type[Any], config: TrainConfig, arguments: Sequence[str]) -> Any:  # noqa: ANN401
    """Builds a subcommand whose experiment starts from the preset."""
    values: dict[str, Any] = {
        field.name: tyro.MISSING
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    if issubclass(kind, Experiment):
        values["config"] = config
        values |= kind.defaults(arguments)
    return kind(**values)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a subcommand; exits with 0, 1 (failure) or 2 (usage)."""
    lasting: Any = BrokenPipeSafeStream(sys.stderr)
    with contextlib.redirect_stderr(lasting):
        _run(sys.argv[1:] if arguments is None else arguments)


def _run(arguments: Sequence[str]) -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        sys.exit(parse(arguments).run())
    except RunError as error:
        print(f"serl-train: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except (ConfigError, AddressError) as error:
        print(f"serl-train: {error}", file=sys.stderr)
        sys.exit(2)
    except (RobotError, ReplayError, ServeError, ProcessError, ValueError) as error:
        print(f"serl-train: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        print(f"serl-train: {sentence_of(error)}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
