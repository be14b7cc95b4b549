"""Runs trials of faults, and makes the table of docs/reliability.md of them."""

import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tests.faults.training_faults import FAULTS


@dataclass(frozen=True)
class Line:
    """One line of the fault matrix."""

    fault: str
    """What happens."""
    promise: str
    """What is promised."""
    trials: int
    """How often it was tried."""
    p50_s: float
    """Median."""
    p100_s: float
    """Longest."""
    acknowledged: int = 0
    """Rows that the actor was told are safe."""
    lost: int = 0
    """Of them, not there or changed."""
    doubled: int = 0
    """Rows that are there twice."""
    hung: int = 0
    """Trials that came to no end."""

    @property
    def is_kept(self):
        """Whether nothing was lost, doubled or hung."""
        return not (self.lost or self.doubled or self.hung)


def training_line(fault, trials, rng, budget_s=float("inf")):
    """Tries a fault of training in one run, and compares every acknowledged row at its end."""
    kind, trial = FAULTS[fault]
    seconds, hung, started = [], 0, time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults-") as folder, kind(Path(folder) / "run", rng) as run:
        run.start()
        while len(seconds) < trials and time.monotonic() - started < budget_s:
            run.go_on()
            try:
                seconds.append(trial(run))
            except AssertionError as error:
                sys.stderr.write(f"{fault}: {error}\n")
                hung = 1
                break
        comparison = run.compare()
    return line(fault, "no acknowledged row lost or doubled; rows flow again", seconds, hung=hung, **asdict(comparison))


def line(fault, promise, seconds, **counts):
    """Makes a line of trials."""
    p50, p100 = (round(float(f(seconds)), 3) for f in (np.median, max)) if seconds else (float("nan"),) * 2
    return Line(fault, promise, len(seconds) + counts.get("hung", 0), p50, p100, **counts)


def table(lines):
    """The matrix as Markdown."""
    head = ("fault", "promise", "p50", "p100", "trials", "acknowledged rows", "lost", "doubled", "hung")
    rows = [head, ("---",) * len(head)]
    for item in lines:
        counts = (
            item.acknowledged or "",
            *(("", "") if not item.acknowledged else (item.lost, item.doubled)),
            item.hung,
        )
        rows.append((item.fault, item.promise, f"{item.p50_s:.2f} s", f"{item.p100_s:.2f} s", item.trials, *counts))
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)
