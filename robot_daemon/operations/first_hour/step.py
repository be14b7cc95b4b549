"""Defines what a step of the first hour is, and what comes of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Self, TypeAlias

from robot_daemon.operations.first_hour.bench import Bench

Figure: TypeAlias = float | int | str | bool | None
"""What a report may hold."""


class Verdict(Enum):
    """Judges a step; the value is what people and reports read."""

    PASS = "pass"
    FAIL = "FAIL"
    SKIPPED = "skipped"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Says what came of a step."""

    verdict: Verdict
    text: str
    """One sentence: what was found, or why nothing was."""
    figures: Mapping[str, Figure] = field(default_factory=dict)
    """What was measured; names end with their unit."""

    @classmethod
    def judged(cls, text: str, *, passed: bool, **figures: Figure) -> Self:
        """Makes the outcome of something that was measured."""
        return cls(verdict=Verdict.PASS if passed else Verdict.FAIL, text=text, figures=figures)

    @classmethod
    def not_applicable(cls, text: str) -> Self:
        """Makes the outcome of a step that this arm cannot take."""
        return cls(verdict=Verdict.NOT_APPLICABLE, text=text)

    @classmethod
    def skipped(cls, text: str) -> Self:
        """Makes the outcome of a step that nobody wanted, or nobody was there for."""
        return cls(verdict=Verdict.SKIPPED, text=text)


@dataclass(frozen=True, kw_only=True)
class Step:
    """Describes one step."""

    name: str
    """For `--only` and `--skip`."""
    title: str
    """What it finds out."""
    run: Callable[[Bench], Outcome]
    """Takes the step; the arm holds when it returns, and when it raises."""
    motion: str = ""
    """What will move, how far and how fast; empty where nothing does."""
