"""One `Step` exchange against SERL's way to read a state: a POST to a Flask server.

The daemon has fake devices in lockstep, so that nothing but the API is measured. Its `Step` commands the arm *and*
brings the state; SERL needs a second POST for the command, which is left out here in its favour.
"""

import statistics
import time
from collections.abc import Callable

import requests

from benchmarks.measure import Report, figure, interleave, ratio
from benchmarks.processes import rival, served
from serl_client import RobotClient

CALLS = 1000


def run(rounds: int) -> Report:
    """Measures p50 and p99 of both, and their ratio."""
    with served("-m", "benchmarks.fake_daemon") as address, rival("flask") as port:
        return _measure(address, port, rounds)


def _measure(address: str, port: int, rounds: int) -> Report:
    url = f"http://127.0.0.1:{port}/getstate"
    tails: dict[str, list[float]] = {"step": [], "flask": []}
    with RobotClient(address) as client, client.control("benchmark") as session:
        pose = client.info.arm.home_tcp_pose

        def step() -> None:
            session.step(pose, period_s=0.1, gripper_width=0.05)

        p50 = interleave(
            rounds,
            step=lambda: _percentiles(step, tails["step"]),
            flask=lambda: _percentiles(lambda: requests.post(url, timeout=5).json(), tails["flask"]),
        )
    rows = [
        figure("Step, p50", p50["step"], "us"),
        figure("Step, p99", tails["step"], "us"),
        figure("Flask state request, p50", p50["flask"], "us"),
        figure("Flask state request, p99", tails["flask"], "us"),
        ratio("Step / Flask, p50", p50["step"], p50["flask"], at_most=0.35),
    ]
    return Report("One environment step over the API", rows)


def _percentiles(call: Callable[[], object], tail: list[float]) -> float:
    for _ in range(50):
        call()
    times = []
    for _ in range(CALLS):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1e6)
    tail.append(statistics.quantiles(times, n=100)[98])
    return statistics.median(times)
