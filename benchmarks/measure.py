"""How benchmarks measure and report: alternating rounds, medians, ratios, and the machine they ran on."""

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One measured figure."""

    name: str
    value: float
    """Median over the rounds."""
    unit: str
    rounds: list[float] = field(default_factory=list)
    target: str = ""
    """The budget in words, for ratios; empty for bare figures."""
    met: bool | None = None


@dataclass(frozen=True)
class Report:
    """The rows of one benchmark."""

    title: str
    rows: list[Row]


def interleave(rounds: int, **candidates: Callable[[], float]) -> dict[str, list[float]]:
    """Runs every candidate once a round, in turn, so that a change of the machine's mood hits all alike."""
    results: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, candidate in candidates.items():
            results[name].append(candidate())
    return results


def figure(name: str, values: list[float], unit: str) -> Row:
    """A bare figure."""
    return Row(name, statistics.median(values), unit, values)


def ratio(name: str, values: list[float], others: list[float], *, at_least: float = 0.0, at_most: float = 0.0) -> Row:
    """The median over rounds of value / other, and whether it meets its budget, if it has one."""
    ratios = [value / other for value, other in zip(values, others, strict=True)]
    median = statistics.median(ratios)
    if not at_least and not at_most:
        return figure(name, ratios, "x")
    met = median >= at_least if at_least else median <= at_most
    target = f">= {at_least:g}" if at_least else f"<= {at_most:g}"
    return Row(name, median, "x", ratios, target, met)


def machine() -> dict[str, str]:
    """What ran the benchmark, without naming the host."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
    revision = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "processor": f"{model}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "revision": revision.stdout.strip(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }


def show(report: Report) -> None:
    """Prints a report as a table."""
    table = Table("what", "median", "unit", "range", "budget", title=report.title, title_justify="left")
    for row in report.rows:
        spread = f"{min(row.rounds):.4g} .. {max(row.rounds):.4g}" if row.rounds else ""
        verdict = "" if row.met is None else f"{row.target} {'met' if row.met else 'MISSED'}"
        table.add_row(row.name, f"{row.value:.4g}", row.unit, spread, verdict)
    Console(file=sys.stdout).print(table)


def save(reports: list[Report], path: Path) -> None:
    """Writes all reports with the machine as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"machine": machine(), "reports": [asdict(report) for report in reports]}
    path.write_text(json.dumps(content, indent=2) + "\n")
