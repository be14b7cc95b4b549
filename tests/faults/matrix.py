"""Runs trials of faults, and makes the table of docs/reliability.md of them."""

import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tests.faults.training_faults import FAULTS

_COUNTS = ("acknowledged", "lost", "doubled", "hung")


@dataclass(frozen=True)
class Line:
    """One line of the fault matrix."""

    fault: str
    """What happens."""
    promise: str
    """What is promised."""
    seconds: tuple[float, ...]
    """How long each trial took."""
    acknowledged: int = 0
    """Rows that the actor was told are safe."""
    lost: int = 0
    """Of them, not there or changed."""
    doubled: int = 0
    """Rows that are there twice."""
    hung: int = 0
    """Trials that came to no end."""

    @property
    def trials(self):
        """How often it was tried."""
        return len(self.seconds) + self.hung

    def percentile_s(self, share):
        """The time within which such a share of the trials was over; NaN without any."""
        return float(np.percentile(self.seconds, 100 * share)) if self.seconds else float("nan")

    def __add__(self, other):
        """Joins the trials of two goes."""
        counts = {name: getattr(self, name) + getattr(other, name) for name in _COUNTS}
        return Line(self.fault, self.promise, (*self.seconds, *other.seconds), **counts)

    @property
    def is_kept(self):
        """Whether nothing was lost, doubled or hung."""
        return not (self.lost or self.doubled or self.hung)


def training_line(fault, trials, rng, budget_s=float("inf")):
    """Tries a fault of training in one run, and compares every acknowledged row at its end."""
    kind, trial = FAULTS[fault]
    seconds, hung = [], 0
    with tempfile.TemporaryDirectory(prefix="faults-") as folder, kind(Path(folder) / "run", rng) as run:
        run.start()
        started = time.monotonic()
        while len(seconds) < trials and time.monotonic() - started < budget_s:
            run.go_on()
            try:
                seconds.append(trial(run))
            except AssertionError as error:
                sys.stderr.write(f"{fault}: {error}\n")
                hung = 1
                break
        comparison = run.compare()
    promise = "no acknowledged row lost or doubled; rows flow again"
    return Line(fault, promise, tuple(seconds), hung=hung, **asdict(comparison))


def joined(lines):
    """Joins lines of the same fault, in the order in which it came first."""
    found = {}
    for item in lines:
        found[item.fault] = found[item.fault] + item if item.fault in found else item
    return list(found.values())


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
        rows.append(
            (
                item.fault,
                item.promise,
                *(f"{item.percentile_s(share):.2f} s" for share in (0.5, 1.0)),
                item.trials,
                *counts,
            )
        )
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)
