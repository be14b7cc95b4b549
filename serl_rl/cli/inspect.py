"""`serl-train inspect`: what a run, spool or episode file holds, whether it is sound, and how to go on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from serl_rl.cli.options import print_json, say
from serl_rl.errors import UsageError

if TYPE_CHECKING:
    from serl_rl.inspection.report import Report


@dataclass(frozen=True, kw_only=True)
class InspectCommand:
    """Say what a run, a spool or an episode file holds, whether it is sound, and how to go on with it.

    Changes nothing, unless it is asked to repair; then it says what it does, and keeps what was there under a name
    with "original". What a learner or an actor has open is not looked at. Exits with 1 where something is damaged.

    Try:
    serl-train inspect runs/cube

    serl-train inspect runs/cube --json

    serl-train inspect cube.episodes --repair
    """

    path: tyro.conf.Positional[Path]
    """Folder of a run or of spools, or an episode file."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print everything as JSON."""
    repair: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Mend what can be mended."""

    def run(self) -> int:
        """Inspects."""
        from serl_rl.inspection.run import inspect

        reports = inspect(self.path)
        if self.repair:
            self._repair(reports)
            reports = inspect(self.path)
        if self.json:
            print_json([report.to_json() for report in reports])
        else:
            for report in reports:
                sys.stdout.write("\n".join(_lines(report)) + "\n")
        return 0 if all(report.is_sound for report in reports) else 1

    def _repair(self, reports: list[Report]) -> None:
        if any(
            finding.text.endswith("its rows were not looked at") for report in reports for finding in report.findings
        ):
            raise UsageError(f"{self.path} is in use; stop its learner and actors, then repair it")
        for finding in (finding for report in reports for finding in report.findings if finding.repair):
            assert finding.repair is not None
            say(f"{finding.where}: {finding.repair.text}")
            finding.repair.run()


def _lines(report: Report) -> Iterator[str]:
    yield f"{report.kind} {report.path}: {'sound' if report.is_sound else 'DAMAGED'}"
    yield from _contents(report.contents, "  ")
    for finding in report.findings:
        mending = f" (--repair: {finding.repair.text})" if finding.repair else ""
        yield f"  {'damage' if finding.is_damage else 'note'}: {finding.where}: {finding.text}{mending}"
    if report.resume is not None:
        yield f"  go on with: {report.resume}"


def _contents(values: dict[str, Any], indent: str) -> Iterator[str]:
    """Writes nested values, one plain entry a line."""
    for name, value in values.items():
        if isinstance(value, dict) and any(isinstance(item, dict) for item in value.values()):
            yield f"{indent}{name}:"
            yield from _contents(value, f"{indent}  ")
        elif isinstance(value, list):
            yield f"{indent}{name}: {len(value)}"
            yield from (f"{indent}  {_plain(item)}" for item in value)
        else:
            yield f"{indent}{name}: {_plain(value)}"


def _plain(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, dict):
        return ", ".join(f"{name} {item}" for name, item in value.items()) or "none"
    return "none" if value is None else str(value)
