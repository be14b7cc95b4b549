"""Environment steps streamed from an actor to a learner, against agentlace.

Ours is the whole path: from the actor's spool on disk over gRPC into the memory-mapped replay, until the last step is
acknowledged. agentlace's is its documented update every 30 transitions into preallocated arrays. In both, the steps
exist before the clock starts.
"""

import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.measure import Report, figure, interleave, ratio
from benchmarks.processes import rival, served
from benchmarks.rivals import TRANSITIONS_PER_UPDATE, AgentlaceClient, transition
from benchmarks.rows import SETTINGS, VERSION, one_row, spec
from serl_rl.actor.link import LearnerLink
from serl_rl.actor.rows import row_type
from serl_rl.actor.spool import Spool

BUDGETS = {0: 40.0, 2: 8.0}
OUR_STEPS = {0: 100_000, 2: 2_000}
THEIR_STEPS = {0: 6_000, 2: 600}


def run(rounds: int) -> Report:
    """Measures state alone and state with two cameras."""
    rows = []
    for images, name in ((0, "state"), (2, "two cameras")):
        results = interleave(
            rounds, ours=lambda images=images: _ours(images), agentlace=lambda images=images: _agentlace(images)
        )
        rows += [
            figure(f"{name}: ours", results["ours"], "steps/s"),
            figure(f"{name}: agentlace", results["agentlace"], "steps/s"),
            ratio(f"{name}: ours / agentlace", results["ours"], results["agentlace"], at_least=BUDGETS[images]),
        ]
    return Report("Steps streamed from actor to learner", rows)


def _ours(images: int) -> float:
    environment, count = spec(images), OUR_STEPS[images]
    rng = np.random.default_rng(0)
    with (
        tempfile.TemporaryDirectory() as folder,
        served("-m", "benchmarks.row_sink", "--images", str(images)) as address,
    ):
        spool = Spool(Path(folder), row_type(environment), owner="benchmark", limit_bytes=2**31)
        row = one_row(environment, rng, 0)
        for index in range(count):
            row["step_index"] = index
            spool.append(row)
        link = LearnerLink(address, "actor", environment, SETTINGS, VERSION)
        link.join(10.0)
        start = time.perf_counter()
        link.start(spool)
        if not link.drain(60.0):
            raise TimeoutError(f"{spool.waiting_count} of {count} steps were not acknowledged within 60 s")
        elapsed = time.perf_counter() - start
        link.close()
        spool.close()
    return count / elapsed


def _agentlace(images: int) -> float:
    rng, count = np.random.default_rng(0), THEIR_STEPS[images]
    steps = [transition(rng, images) for _ in range(TRANSITIONS_PER_UPDATE)]
    with rival("agentlace") as port:
        client = AgentlaceClient(port)
        client.update(steps, 0)
        start = time.perf_counter()
        for last in range(TRANSITIONS_PER_UPDATE, count + 1, TRANSITIONS_PER_UPDATE):
            client.update(steps, last)
        elapsed = time.perf_counter() - start
        client.stop()
    return count / elapsed
