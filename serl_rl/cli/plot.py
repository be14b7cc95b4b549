"""`serl-train plot`: learning curves of a run, or of several side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import tyro

from serl_rl.artifacts.run_directory import make_folder_of
from serl_rl.cli.options import print_json, say
from serl_rl.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class PlotCommand:
    """Draw the curves of a run, finished or not, and print its latest figures as JSON.

    Several runs are drawn into one picture, success against steps and against time.

    Try:
    serl-train plot runs/cube

    serl-train plot runs/cube runs/cube-2 --output both.png
    """

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Folders of runs."""
    output: Path | None = None
    """PNG to write; of a single run curves.png in its folder."""

    def run(self) -> int:
        """Draws."""
        from serl_rl.artifacts.run_directory import RunDirectory
        from serl_rl.monitoring.curves import plot_run, plot_runs
        from serl_rl.monitoring.metrics import FILE_NAME, MetricsRow, read_metrics

        latest: dict[Path, MetricsRow] = {}
        for path in self.runs:
            rows = read_metrics(path)
            if not rows:
                raise UsageError(f"there are no metrics in {path}; give the folder of a run, which has a {FILE_NAME}")
            latest[path] = rows[-1]
        if not latest:
            raise UsageError("give the folder of at least one run")
        is_single = len(latest) == 1
        if self.output is None and not is_single:
            raise UsageError("say where to draw several runs, such as --output curves.png")
        output = self.output or RunDirectory(self.runs[0]).curves
        make_folder_of(output, "--output")
        if is_single:
            plot_run(self.runs[0], output, self.runs[0].name)
        else:
            plot_runs(list(latest), output)
        print_json({str(path): _figures(row.figures()) for path, row in latest.items()})
        say(f"curves: {output}")
        return 0


def _figures(values: dict[str, float]) -> dict[str, float | None]:
    """Returns a row as JSON values: null where there is nothing to say."""
    return {name: None if math.isnan(value) else value for name, value in values.items()}
