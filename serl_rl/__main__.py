"""`serl-train`: parses the command line, runs the subcommand, turns errors into one sentence and an exit code."""

from __future__ import annotations

import contextlib
import dataclasses
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
from serl_rl.cli.act import ActCommand
from serl_rl.cli.actor import ActorCommand
from serl_rl.cli.bc import BcCommand
from serl_rl.cli.classifier import TrainClassifierCommand
from serl_rl.cli.converting import ExportCommand, ImportCommand
from serl_rl.cli.demo import DemoCommand
from serl_rl.cli.evaluate import EvaluateCommand
from serl_rl.cli.forward_backward import ForwardBackwardCommand
from serl_rl.cli.inspect import InspectCommand
from serl_rl.cli.label import LabelCommand
from serl_rl.cli.learner import LearnerCommand
from serl_rl.cli.options import Experiment, base_config
from serl_rl.cli.plot import PlotCommand
from serl_rl.cli.pretrain import PretrainEncoderCommand
from serl_rl.cli.record import RecordCommand
from serl_rl.cli.review import ReviewCommand
from serl_rl.cli.tasks import TasksCommand
from serl_rl.config.train import TrainConfig
from serl_rl.errors import RunError, UsageError, sentence_of
from serl_rl.processes.broken_pipe_safe_stream import BrokenPipeSafeStream
from serl_rl.replay.errors import ReplayError

_NAMES: dict[str, type[Command]] = {
    "demo": DemoCommand,
    "learner": LearnerCommand,
    "actor": ActorCommand,
    "forward-backward": ForwardBackwardCommand,
    "evaluate": EvaluateCommand,
    "record-demos": RecordCommand,
    "label-success": LabelCommand,
    "review": ReviewCommand,
    "export": ExportCommand,
    "import": ImportCommand,
    "plot": PlotCommand,
    "inspect": InspectCommand,
    "bc": BcCommand,
    "act": ActCommand,
    "train-classifier": TrainClassifierCommand,
    "pretrain-encoder": PretrainEncoderCommand,
    "tasks": TasksCommand,
}


class Command(Protocol):
    """Defines what every subcommand does."""

    def run(self) -> int:
        """Does its work; returns the exit code."""
        ...


_DESCRIPTION = (
    "Train a robot arm. `demo` does everything in simulation; by hand the order is record-demos, learner, actor, plot, "
    "evaluate. `serl-train COMMAND --help` has examples and settings."
)


def parse(arguments: Sequence[str]) -> Command:
    """Parses a command line, without the program's name, into the filled subcommand.

    Raises:
        UsageError: A preset or value that cannot be used.
        SystemExit: `--help`, or an unknown option.
    """
    try:
        config = base_config(arguments)
        commands = tuple(_with_default(name, kind, config, arguments) for name, kind in _NAMES.items())
        union: Any = Union[commands]  # noqa: UP007 - built at run time.
        return parse_command(union, "serl-train", _DESCRIPTION, arguments)
    except ValueError as error:
        raise UsageError(str(error)) from error
    except BrokenPipeError:  # Whoever read the help, such as head, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None


def _with_default(name: str, kind: type[Any], config: TrainConfig, arguments: Sequence[str]) -> Any:  # noqa: ANN401
    """Builds a subcommand whose experiment starts from the preset; described in full where one is chosen."""
    chosen = next(iter(arguments), "")
    description = None if chosen in _NAMES else (kind.__doc__ or "").split("\n\n")[0]
    values: dict[str, Any] = {
        field.name: tyro.MISSING
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    if issubclass(kind, Experiment):
        values["config"] = config
        values |= kind.defaults(arguments) if name == chosen else {}
    default = kind(**values)
    return Annotated[kind, tyro.conf.subcommand(name, description=description, default=default)]


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
