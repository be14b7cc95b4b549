"""Environment steps streamed from an actor to a learner, against agentlace.

Ours is the whole path: from the actor's spool on disk over gRPC into the memory-mapped replay, until the last step is
acknowledged. agentlace's is its documented update every 30 transitions into preallocated arrays. In both, the steps
exist before the clock starts.
"""

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from serl.learner.v1 import tensor_pb2

from benchmarks.measure import Report, figure, interleave, ratio
from benchmarks.processes import rival, served
from benchmarks.rivals import TRANSITIONS_PER_UPDATE, AgentlaceClient, transition
from benchmarks.rows import SETTINGS, VERSION, one_row, spec
from serl_api.security import ServerSecurity
from serl_rl.actor.learner_client import LearnerClient
from serl_rl.actor.rows import row_type
from serl_rl.actor.spool import Spool
from serl_rl.learner.ingest import Ingest
from serl_rl.learner.publish import PolicyPublisher, PolicySnapshot
from serl_rl.learner.run_state import RunState
from serl_rl.learner.server import learner_server
from serl_rl.learner.service import LearnerServicer
from serl_rl.learner.update_rate_limiter import UpdateRateLimiter
from serl_rl.replay.buffer import ReplayBuffer

BUDGETS = {0: 40.0, 2: 8.0}
OUR_STEPS = {0: 100_000, 2: 2_000}
THEIR_STEPS = {0: 6_000, 2: 600}
PUSHES = (290_000, 10_000_000)
"""Bytes of the state policy of pick-cube, and of a policy with two cameras."""


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
    rows += [
        figure(f"policy push, {size / 1e6:g} MB", [_push_ms(size) for _ in range(rounds)], "ms") for size in PUSHES
    ]
    return Report("Steps up, policies down, between actor and learner", rows)


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
        client = LearnerClient(address, "actor", environment, SETTINGS, VERSION)
        client.join(10.0)
        start = time.perf_counter()
        client.start(spool)
        if not client.drain(60.0):
            raise TimeoutError(f"{spool.waiting_count} of {count} steps were not acknowledged within 60 s")
        elapsed = time.perf_counter() - start
        client.close()
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


def _push_ms(size: int) -> float:
    """Median from publishing to a policy that the actor could swap in; learner and actor in one process."""
    environment, layout = spec(0), (tensor_pb2.Tensor(name="w", data_type=tensor_pb2.DATA_TYPE_UINT8, shape=(size,)),)
    rate_limiter = UpdateRateLimiter(ratio=1, warm_up_steps=1, lead_steps=10, tolerance_steps=0, max_env_steps=10**9)
    state, publisher = RunState("benchmark", rate_limiter), PolicyPublisher()
    ingest = Ingest(state, SETTINGS, VERSION)
    ingest.offer_spec(environment)
    replay = ReplayBuffer(environment, 1000)
    ingest.open(replay, layout)
    server = learner_server(
        LearnerServicer(state, ingest, publisher, 4, lambda _: None), "127.0.0.1:0", ServerSecurity(), 4
    )
    address = server.start()
    times = []
    with tempfile.TemporaryDirectory() as folder:
        client = LearnerClient(address, "actor", environment, SETTINGS, VERSION)
        client.join(10.0)
        spool = Spool(Path(folder), row_type(environment), owner="benchmark", limit_bytes=2**20)
        client.start(spool)
        data = bytes(size)
        for version in range(1, 31):
            start = time.perf_counter()
            publisher.publish(PolicySnapshot(version, data, 0))
            while client.receiver.taken_version < version:
                client.receiver.take()
                time.sleep(1e-4)
            times.append((time.perf_counter() - start) * 1e3)
        client.close()
        spool.close()
    state.close()
    publisher.close()
    server.stop(0.5)
    replay.close()
    return statistics.median(times)
