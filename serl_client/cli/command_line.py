"""Parses a command line into dataclasses; a value that they refuse is named by its option, in one sentence."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import tyro

from serl_api.settings import ConfigError


def parse_command(
    kind: Any,  # noqa: ANN401
    prog: str,
    description: str | None,
    arguments: Sequence[str],
    default: Any = tyro.MISSING,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """Parses a command line.

    Args:
        kind: A dataclass, or a union of them as subcommands.
        prog: Name of the program.
        description: What it does; None takes the docstring of a dataclass.
        arguments: The command line, without the program's name.
        default: A filled dataclass whose values options override.

    Returns:
        The filled dataclass.

    Raises:
        ConfigError: A value that its dataclass refuses, by the full name of its option.
        SystemExit: `--help`, or an unknown option.
    """
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(kind, prog=prog, description=description, args=list(arguments), default=default)
    except SystemExit as end:
        for section, error in _refusals(end):
            raise ConfigError(_by_option(str(error), section, arguments)) from None
        raise
    finally:
        if not isinstance(sys.exc_info()[1], ConfigError):
            sys.stderr.write(said.getvalue())


def _refusals(end: SystemExit) -> Iterator[tuple[str, ConfigError]]:
    """The parser ends the program where a dataclass refuses a value; what it refused is behind that end."""
    section, error = "", end.__context__
    while error is not None:
        if isinstance(error, ConfigError):
            yield section, error
        place = getattr(error, "arg", "")
        section = place if isinstance(place, str) else section
        error = error.__context__


def _by_option(message: str, section: str, arguments: Sequence[str]) -> str:
    """Puts the section before the field's name, as far as the options that were given have it."""
    given = {argument.partition("=")[0].lstrip("-").replace("-", "_") for argument in arguments}
    field, _, _ = message.partition(" ")
    parts = [part for part in section.split(".") if part.isidentifier()]
    for begin in range(len(parts) + 1):
        path = ".".join([*parts[begin:], field])
        if path in given:
            return f"{path}{message.removeprefix(field)}"
    return message
