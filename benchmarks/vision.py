"""Updates from two 128 x 128 cameras: with images that are encoded in every update, and with kept feature maps.

SERL's own DrQ update is measured when `SERL_CHECKOUT` and `SERL_PYTHON` are in the environment, otherwise the figure of
an earlier measurement is taken. It needs half a minute a call.
"""

import os
import sys
from pathlib import Path

from benchmarks.learner import Child
from benchmarks.measure import Report, Row, figure, interleave, ratio

SERL_BATCH, SERL_CALL_S = 128, 23.74
"""Seconds of SERL's own DrQ update with one critic update at this batch: measured once on a machine like this."""
AT_LEAST = {"images": 20.0, "maps": 200.0}
LEARNING = "batch 128, 2 critics, 4 critic updates a call, maps, as pick-cube-vision learns"


def run(rounds: int) -> Report:
    """Measures SERL's setting (10 critics, one update each) at two batch sizes, and that of `pick-cube-vision`."""
    rows = []
    for batch in (SERL_BATCH, 256):
        children = {name: _ours("--inputs", name, "--batch", str(batch)) for name in ("images", "maps")}
        if batch == SERL_BATCH and (serl := _serl(batch)):
            children["SERL, JAX"] = serl
        speeds = interleave(rounds, **{name: child.measure for name, child in children.items()})
        for child in children.values():
            child.close()
        title = f"batch {batch}, 10 critics"
        rows += [figure(f"{title}, {name}", values, "calls/s") for name, values in speeds.items()]
        if batch == SERL_BATCH:
            rows += [_against(title, name, speeds, least) for name, least in AT_LEAST.items()]
    for backbone, options in (("ResNet-10", ()), ("small", ("--preset", "pick-cube-vision"))):
        child = _ours("--inputs", "maps", "--critics", "2", "--utd", "4", *options)
        values = [4 * child.measure() for _ in range(rounds)]
        child.close()
        rows.append(figure(f"{LEARNING}, {backbone}", values, "critic updates/s"))
    return Report("Updates from two 128 x 128 cameras, two threads", rows)


def _against(title: str, name: str, speeds: dict[str, list[float]], least: float) -> Row:
    if "SERL, JAX" in speeds:
        return ratio(f"{title}, {name} / SERL", speeds[name], speeds["SERL, JAX"], at_least=least)
    ratios = [value * SERL_CALL_S for value in speeds[name]]
    median = sorted(ratios)[len(ratios) // 2]
    return Row(f"{title}, {name} / SERL as measured earlier", median, "x", ratios, f">= {least:g}", median >= least)


def _ours(*options: str) -> Child:
    return Child(sys.executable, "-m", "benchmarks.vision_child", *options)


def _serl(batch: int) -> Child | None:
    checkout, python = os.environ.get("SERL_CHECKOUT"), os.environ.get("SERL_PYTHON")
    if not checkout or not python:
        return None
    script = str(Path(__file__).with_name("serl_jax.py"))
    options = ("--vision", "--batch", str(batch), "--utd", "1", "--seconds", "1")
    return Child(python, script, "--serl", checkout, *options)
