"""Formats the findings of a check, one line each, with the way out below it where there is something wrong."""

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Self

WIDTH = 118
"""Characters of a line."""


class Verdict(Enum):
    """Judges a finding; the value is what people read."""

    OK = "ok"
    WARNING = "warn"
    PROBLEM = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """Describes one thing that was checked."""

    what: str
    """Such as "arm" or "camera front"."""
    verdict: Verdict
    text: str
    """What was found."""
    fix: str = ""
    """What to do; empty when nothing is wrong, or when `text` says it."""

    @classmethod
    def judged(cls, what: str, text: str, fix: str, *, is_fine: bool) -> Self:
        """Makes a finding that is fine, or else a warning with its way out."""
        return cls(what, Verdict.OK, text) if is_fine else cls(what, Verdict.WARNING, text, fix)


def table(findings: Iterable[Finding]) -> Iterator[str]:
    """Formats findings as aligned lines."""
    listed = list(findings)
    column = max((len(finding.what) for finding in listed), default=0)
    for finding in listed:
        head = f"{finding.verdict.value:<5} {finding.what:<{column}}  "
        margin = " " * len(head)
        yield from textwrap.wrap(finding.text, WIDTH, initial_indent=head, subsequent_indent=margin)
        if finding.fix:
            fixed = textwrap.wrap(
                finding.fix, WIDTH, initial_indent=f"{margin}fix: ", subsequent_indent=f"{margin}     "
            )
            yield from fixed
