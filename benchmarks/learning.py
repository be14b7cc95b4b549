"""Learning runs: `serl-train demo` for several seeds, one after the other, with a table and a plot of all of them.

Not part of `make bench`, because it takes minutes a seed. Options after `--` go to `serl-train demo`:
`python -m benchmarks.learning --preset pick-cube --seeds 0 1 2 3 4 -- --sac.precision float32`.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.measure import machine
from serl_rl.monitoring.curves import plot_runs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="pick-cube")
    parser.add_argument("--name", help="name of the runs; the preset's by default")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--runs", type=Path, default=Path("runs/learning"))
    parser.add_argument("options", nargs="*", help="for serl-train demo")
    arguments = parser.parse_args()
    name = arguments.name or arguments.preset
    results, folders = {}, []
    for seed in arguments.seeds:
        folder = arguments.runs / f"{name}-{seed}"
        if not (folder / "result.json").exists():
            _run(arguments, name, seed)
        folders.append(folder)
        results[seed] = json.loads((folder / "result.json").read_text())
        print(_line(seed, results[seed]), flush=True)
    plot_runs(folders, arguments.runs / f"{name}.png")
    summary = {"machine": machine(), "preset": arguments.preset, "options": arguments.options, "results": results}
    (arguments.runs / f"{name}.json").write_text(json.dumps(summary, indent=2) + "\n")
    _print_medians(list(results.values()))
    return 0 if all(result["reached_target"] for result in results.values()) else 1


def _run(arguments: argparse.Namespace, name: str, seed: int) -> None:
    fixed = [
        "--preset",
        arguments.preset,
        "--seed",
        str(seed),
        "--runs",
        str(arguments.runs),
        "--name",
        f"{name}-{seed}",
    ]
    command = [sys.executable, "-m", "serl_rl", "demo", *fixed, *arguments.options]
    arguments.runs.mkdir(parents=True, exist_ok=True)
    with (arguments.runs / f"{name}-{seed}.log").open("w") as log:
        subprocess.run(command, stdout=log, stderr=log, check=False)


def _line(seed: int, result: dict) -> str:
    final = result["final_evaluation"]
    low, high = final["wilson_interval_95"]
    steps, seconds = result["env_steps_to_target"], result["wall_time_to_target_s"]
    success = f"{final['successes']}/{final['episodes']} [{low:.3f}, {high:.3f}]"
    return f"| {seed} | {steps} | {seconds:.0f} s | {success} | {final['mean_steps']:.1f} |"


def _print_medians(results: list[dict]) -> None:
    for key in ("env_steps_to_target", "wall_time_to_target_s", "wall_time_s"):
        values = [result[key] for result in results if result[key] is not None]
        print(f"median {key}: {statistics.median(values):.0f} over {len(values)} of {len(results)} seeds")
    print(f"median success: {statistics.median(r['final_evaluation']['success_ratio'] for r in results):.3f}")


if __name__ == "__main__":
    sys.exit(main())
