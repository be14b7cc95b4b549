"""Variants of a learning experiment side by side: a table of medians and one plot, a colour for each variant.

Reads what `benchmarks.learning` left, of runs that were stopped too: `python -m benchmarks.comparison --runs
runs/learning --output peg.png "demonstrations alone=peg-insert" "with corrections=peg-insert-corrected"`.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

from serl_rl.monitoring.curves import plot_groups


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.comparison", description=__doc__)
    parser.add_argument("variants", nargs="+", help="LABEL=NAME; NAME as given to benchmarks.learning")
    parser.add_argument("--runs", type=Path, default=Path("runs/learning"))
    parser.add_argument("--output", type=Path, required=True, help="PNG to write")
    options = parser.parse_args()
    groups = {}
    for variant in options.variants:
        label, _, name = variant.partition("=")
        groups[label] = _folders(options.runs, name)
        if not groups[label]:
            parser.error(f"{options.runs} has no run of {name!r}; run benchmarks.learning --name {name} first")
    plot_groups(groups, options.output)
    print("| variant | seeds that reached the target | median steps to it | median wall time to it | final success |")
    print("| --- | --- | --- | --- | --- |")
    for label, folders in groups.items():
        print(_line(label, [_result(folder) for folder in folders]))
    return 0


def _folders(runs: Path, name: str) -> list[Path]:
    """Runs of a name, by seed."""
    found = {int(path.name.removeprefix(f"{name}-")): path for path in runs.glob(f"{name}-*") if _is_run(path, name)}
    return [found[seed] for seed in sorted(found)]


def _is_run(path: Path, name: str) -> bool:
    return path.name.removeprefix(f"{name}-").isdecimal() and (path / "metrics.csv").exists()


def _result(folder: Path) -> dict:
    path = folder / "result.json"
    return json.loads(path.read_text()) if path.exists() else {"reached_target": False}


def _line(label: str, results: list[dict]) -> str:
    reached = [result for result in results if result["reached_target"]]
    steps = ", ".join(str(result["env_steps_to_target"]) for result in reached)
    median_steps = _median([result["env_steps_to_target"] for result in reached])
    median_s = _median([result["wall_time_to_target_s"] for result in reached])
    final = ", ".join(f"{one['successes']}/{one['episodes']}" for r in results if (one := r.get("final_evaluation")))
    return f"| {label} | {len(reached)} of {len(results)} | {median_steps} ({steps}) | {median_s} s | {final or '-'} |"


def _median(values: list[float]) -> str:
    return f"{statistics.median(values):.0f}" if values else "-"


if __name__ == "__main__":
    sys.exit(main())
