"""The learner's update: eager and compiled, float32 and bfloat16, one and two threads; against SERL's JAX update.

SERL's own code is measured when `SERL_CHECKOUT` (its repository) and `SERL_PYTHON` (a Python with its pinned JAX) are
in the environment; docs/results.md says how to make them. Every candidate runs in its own process, and all take
turns.
"""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.measure import Report, figure, interleave, ratio

SECONDS = "3"
VARIANTS = {
    f"{mode} {precision} {threads} thread{'s' if threads > 1 else ''}": (
        "--compile",
        {"eager": "off", "compiled": "on"}[mode],
        "--precision",
        precision,
        "--threads",
        str(threads),
    )
    for mode in ("eager", "compiled")
    for precision in ("float32", "bfloat16")
    for threads in (1, 2)
}
BEST = "compiled bfloat16 2 threads"


class Child:
    """A process that measures when told to."""

    def __init__(self, *command: str) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        while (line := self._stdout.readline()) != "ready\n":
            if not line:
                raise RuntimeError(f"{' '.join(command)} ended before it was ready")

    def measure(self) -> float:
        self._stdin.write("\n")
        self._stdin.flush()
        return float(self._stdout.readline())

    def close(self) -> None:
        self._stdin.close()
        self._process.wait()


def run(rounds: int) -> Report:
    """Measures 2 critics at UTD 4 as `make demo` trains, and 10 critics at UTD 8 as SERL does."""
    rows = []
    for critics, utd, actor_batch in ((2, 4, "last"), (10, 8, "all")):
        setting = ("--critics", str(critics), "--utd", str(utd), "--actor-batch", actor_batch)
        children = {name: _ours(*setting, *options) for name, options in VARIANTS.items()}
        if critics == 10 and (serl := _serl(utd)):
            children["SERL, JAX"] = serl
        speeds = interleave(rounds, **{name: child.measure for name, child in children.items()})
        for child in children.values():
            child.close()
        title = f"{critics} critics, UTD {utd}"
        rows += [figure(f"{title}: {name}", values, "calls/s") for name, values in speeds.items()]
        if "SERL, JAX" in speeds:
            exact = "compiled float32 2 threads"
            rows.append(ratio(f"{title}: {exact} / SERL", speeds[exact], speeds["SERL, JAX"]))
            rows.append(ratio(f"{title}: {BEST} / SERL", speeds[BEST], speeds["SERL, JAX"], at_least=2.0))
    return Report("Learner updates (batch 256, 256-256 tanh LayerNorm, state 10, action 4)", rows)


def _ours(*options: str) -> Child:
    return Child(sys.executable, "-m", "benchmarks.learner_child", "--seconds", SECONDS, *options)


def _serl(utd: int) -> Child | None:
    checkout, python = os.environ.get("SERL_CHECKOUT"), os.environ.get("SERL_PYTHON")
    if not checkout or not python:
        return None
    script = Path(__file__).with_name("serl_jax.py")
    return Child(python, str(script), "--serl", checkout, "--utd", str(utd), "--seconds", SECONDS)
