"""Keeps what the first hour has found: one JSON file for programs, and the same as text for people beside it."""

import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from robot_daemon.operations.first_hour.step import Outcome, Step, Verdict
from serl_api.lifetime.whole_file import written_whole
from serl_api.settings import ConfigError, read_json

FORMAT, VERSION = "serl-first-hour", 1
WIDTH = 118
"""Characters of a line."""


@dataclass(kw_only=True)
class Report:
    """Holds the results so far, in the order of the protocol; each is on the disk once it is there."""

    path: Path
    """The JSON file; the text is beside it."""
    cell_file: str
    """Of the cell that it is about."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Of the cell: arm, driver, daemon."""
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By the name of the step."""

    @classmethod
    def resumed(cls, path: Path, cell_file: str) -> Self:
        """Reads a report that is to go on; makes an empty one where there is none.

        Raises:
            ConfigError: The file is no report, or about another cell.
        """
        if not path.exists():
            return cls(path=path, cell_file=cell_file)
        try:
            document = read_json(path)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from None
        if document.get("format") != FORMAT or document.get("version") != VERSION:
            raise ConfigError(f"{path} is no report of a first hour; give --report another file")
        if document["cell_file"] != cell_file:
            about = document["cell_file"]
            raise ConfigError(f"{path} is about {about}, not {cell_file}; give --report another file, or say --restart")
        return cls(path=path, cell_file=cell_file, facts=document["facts"], results=document["results"])

    def has_passed(self, name: str) -> bool:
        """Returns whether a step has passed, or need not be taken."""
        done = (Verdict.PASS.value, Verdict.NOT_APPLICABLE.value)
        return name in self.results and self.results[name]["verdict"] in done

    def add(self, step: Step, outcome: Outcome, seconds: float) -> None:
        """Adds a result, in place of an earlier one of the same step, and writes the file."""
        self.results[step.name] = {
            "title": step.title,
            "verdict": outcome.verdict.value,
            "text": outcome.text,
            "figures": dict(outcome.figures),
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(seconds, 1),
        }
        self.write()

    def write(self) -> None:
        """Writes both files, each whole or not at all. Raises OSError where the disk does not take them."""
        document = {
            "format": FORMAT,
            "version": VERSION,
            "cell_file": self.cell_file,
            "facts": self.facts,
            "summary": self.summary,
            "results": self.results,
        }
        with written_whole(self.path) as file:
            file.write(json.dumps(document, indent=2).encode() + b"\n")
        with written_whole(self.path.with_suffix(".txt")) as file:
            file.write(self.text().encode())

    @property
    def failures(self) -> int:
        """Returns how many steps have failed."""
        return self._count(Verdict.FAIL)

    @property
    def summary(self) -> str:
        """Returns one line: how many steps came out how."""
        return ", ".join(f"{self._count(verdict)} {verdict.value}" for verdict in Verdict if self._count(verdict))

    def text(self) -> str:
        """Returns all of it for people."""
        lines = [f"first hour of {self.cell_file}", ", ".join(f"{name} {value}" for name, value in self.facts.items())]
        for name, result in self.results.items():
            lines += row(name, result)
        return "\n".join([*lines, self.summary or "no step was taken"]) + "\n"

    def _count(self, verdict: Verdict) -> int:
        return sum(result["verdict"] == verdict.value for result in self.results.values())


def row(name: str, result: Mapping[str, Any]) -> list[str]:
    """Formats one result."""
    head = f"  {result['verdict']:<14} {name:<18} "
    return textwrap.wrap(result["text"], WIDTH, initial_indent=head, subsequent_indent=" " * len(head))
