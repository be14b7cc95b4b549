"""Updates from two 128 x 128 cameras: with images that are encoded in every update, and with kept feature maps."""

import sys

from benchmarks.learner import Child
from benchmarks.measure import Report, Row, figure, interleave

SERL_CALL_S = {128: 23.74}
"""Seconds of SERL's own DrQ update with one critic update, by batch: measured once on a machine like this."""
AT_LEAST = {"images": 20.0, "maps": 200.0}


def run(rounds: int) -> Report:
    """Measures SERL's setting (10 critics, one update each) at two batch sizes, and that of `pick-cube-vision`."""
    rows = []
    for batch in (128, 256):
        children = {name: _child("--inputs", name, "--batch", str(batch)) for name in ("images", "maps")}
        speeds = interleave(rounds, **{name: child.measure for name, child in children.items()})
        for child in children.values():
            child.close()
        for name, values in speeds.items():
            rows.append(figure(f"batch {batch}, 10 critics, {name}", values, "calls/s"))
            if batch in SERL_CALL_S:
                ratios = [value * SERL_CALL_S[batch] for value in values]
                median, least = sorted(ratios)[len(ratios) // 2], AT_LEAST[name]
                text = f"batch {batch}, {name} / SERL as measured earlier"
                rows.append(Row(text, median, "x", ratios, f">= {least:g}", median >= least))
    child = _child("--inputs", "maps", "--critics", "2", "--utd", "4")
    values = [child.measure() for _ in range(rounds)]
    child.close()
    rows.append(figure("batch 128, 2 critics, 4 critic updates a call, maps", values, "calls/s"))
    return Report("Updates from two 128 x 128 cameras, ResNet-10, two threads", rows)


def _child(*options: str) -> Child:
    return Child(sys.executable, "-m", "benchmarks.vision_child", *options)
