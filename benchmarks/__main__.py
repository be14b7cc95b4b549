"""Runs the benchmarks and prints their tables: `python -m benchmarks [--only step ...] [--output FILE]`."""

import argparse
import importlib
import sys
from pathlib import Path

from benchmarks.measure import save, show

NAMES = ("step", "transport", "simulation", "soft_sync", "increments", "learner", "vision", "replay", "recording")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, help="which benchmarks to run")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds; medians are reported")
    parser.add_argument("--output", type=Path, default=Path("runs/benchmarks.json"), help="where the JSON goes")
    arguments = parser.parse_args()
    reports = []
    for name in arguments.only:
        report = importlib.import_module(f"benchmarks.{name}").run(arguments.rounds)
        show(report)
        reports.append(report)
    save(reports, arguments.output)
    missed = [row.name for report in reports for row in report.rows if row.met is False]
    for name in missed:
        print(f"budget missed: {name}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
