"""Loads servers as a laboratory would, and watches what they hold: `python -m tests.faults load`."""

import contextlib
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from serl_client import RobotClient
from serl_rl.actor.learner_client import LearnerClient
from serl_rl.actor.rows import make_row, row_type
from serl_rl.actor.spool import Spool
from tests.support.training_runs import CONFIG, ENDLESS, SPEC, Run
from tests.support.waiting import wait_until

ACTORS, ROWS_PER_S = 32, 20
OBSERVERS, CONTROL_PERIOD_S, STATES_PER_S = 8, 0.05, 20.0
HOUR_S = 3600.0
DAEMON = """
import sys
from pathlib import Path
from serl_api.enums import Pacing
from tests.support.daemons import serve
security = {"token_file": Path(sys.argv[2])} if sys.argv[2:] else {}
daemon = serve(pacing=Pacing[sys.argv[1]], **security)
print(daemon.address, flush=True)
sys.stdin.read()
daemon.close()
"""


@dataclass(frozen=True)
class Footprint:
    """What a process holds."""

    rss_mb: float
    threads: int
    descriptors: int

    @classmethod
    def of(cls, pid):
        """Reads it from the kernel."""
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        return cls(int(status["VmRSS"].split()[0]) / 1024, int(status["Threads"]), descriptors)

    def __str__(self):
        return f"{self.rss_mb:.1f} MB, {self.threads} threads, {self.descriptors} descriptors"


@dataclass(frozen=True)
class Figures:
    """What a load came to."""

    text: str
    before: Footprint
    """Of the server, once everything was warm."""
    after: Footprint


@contextlib.contextmanager
def daemon(pacing, token_file=None, *, before=()):
    """A daemon over fake devices in a process of its own, after other words; yields its address and its number."""
    command = [*before, sys.executable, "-c", DAEMON, pacing, *([] if token_file is None else [str(token_file)])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().strip(), process.pid
        process.stdin.close()


def actors_on_a_learner(duration_s):
    """32 actors send 20 rows a second each to one learner that trains; returns figures."""
    with (
        tempfile.TemporaryDirectory(prefix="load-") as folder,
        Run(Path(folder)) as run,
        contextlib.ExitStack() as stack,
    ):
        process = run.learner(*ENDLESS, "--learner.max-actors", str(ACTORS), "--learner.replay-capacity", "400000")
        ended, actors = threading.Event(), [_Actor(run.address, index, Path(folder)) for index in range(ACTORS)]
        for actor in actors:
            stack.callback(actor.close)
        threads = [threading.Thread(target=actor.act, args=(ended,)) for actor in actors]
        for thread in threads:
            thread.start()
        wait_until(lambda: all(actor.delays_s for actor in actors), 60.0)
        pid = process.pid
        time.sleep(duration_s / 3)
        before, count = Footprint.of(pid), sum(len(actor.delays_s) for actor in actors)
        began = time.monotonic()
        time.sleep(2 * duration_s / 3)
        rate = (sum(len(actor.delays_s) for actor in actors) - count) / (time.monotonic() - began)
        after = Footprint.of(pid)
        ended.set()
        for thread in threads:
            thread.join()
        delays_ms = 1e3 * np.concatenate([actor.delays_s[10:] for actor in actors])
        sent, held = sum(actor.spool.next_sequence - 1 for actor in actors), run.progress().replay_transition_count
    p50, p99, p100 = np.percentile(delays_ms, [50, 99, 100])
    text = (
        f"{ACTORS} actors of {ROWS_PER_S} rows/s on one learner for {duration_s:.0f} s: {rate:.0f} rows/s "
        f"acknowledged, {sent} rows sent, {held} transitions held; each after p50 {p50:.0f} ms, p99 {p99:.0f} ms, "
        f"p100 {p100:.0f} ms; "
        f"learner {before} -> {after}"
    )
    return Figures(text, before, after)


class _Actor:
    """Sends rows at a fixed rate, each once the one before was acknowledged."""

    def __init__(self, address, index, folder):
        version = metadata.version("serl-robot")
        self._client = LearnerClient(address, f"actor-{index}", SPEC, CONFIG.shared_settings(), version)
        joined = self._client.join(60.0)
        self.spool = Spool(folder / f"spool-{index}", row_type(SPEC), f"{joined.run_id}/actor-{index}", 100_000_000)
        self._client.start(self.spool)
        self.delays_s = []

    def act(self, ended):
        """Writes rows until the end; notes how long each was on its way."""
        rng, step = np.random.default_rng(), 0
        due = time.monotonic() + rng.random() / ROWS_PER_S
        while not ended.wait(max(0.0, due - time.monotonic())):
            due += 1 / ROWS_PER_S
            row = make_row(
                self.spool.row_type,
                {entry.name: np.zeros(entry.shape, entry.dtype) for entry in SPEC.observation},
                episode_id=1,
                step_index=step,
                row_kind=1,
            )
            step += 1
            written = time.monotonic()
            self.spool.append(row)
            wait_until(lambda: self.spool.waiting_count == 0, 60.0, pause_s=0.001)
            self.delays_s.append(time.monotonic() - written)

    def close(self):
        self._client.close()
        self.spool.close()


def observers_on_a_daemon(duration_s):
    """8 observers stream states at 20 Hz while one client controls at 20 Hz; returns figures."""
    with daemon("REAL_TIME") as (address, pid), contextlib.ExitStack() as stack:
        ended, counts = threading.Event(), [0] * OBSERVERS

        def observe(index):
            with RobotClient(address) as robot:
                for _ in robot.stream_states(STATES_PER_S):
                    counts[index] += 1
                    if ended.is_set():
                        return

        threads = [threading.Thread(target=observe, args=(index,)) for index in range(OBSERVERS)]
        for thread in threads:
            thread.start()
        robot = stack.enter_context(RobotClient(address))
        session = stack.enter_context(robot.control("load"))
        late_ms, began, before = [], time.monotonic(), None
        while (passed := time.monotonic() - began) < duration_s:
            if before is None and passed > duration_s / 3:
                before = Footprint.of(pid)
            started = time.monotonic()
            session.step(period_s=CONTROL_PERIOD_S)
            late_ms.append(1e3 * (time.monotonic() - started - CONTROL_PERIOD_S))
        after = Footprint.of(pid)
        ended.set()
        for thread in threads:
            thread.join()
    p50, p99, p100 = np.percentile(late_ms[5:], [50, 99, 100])
    text = (
        f"{OBSERVERS} observers of {STATES_PER_S:.0f} states/s and a controller at {1 / CONTROL_PERIOD_S:.0f} Hz "
        f"on one daemon for {duration_s:.0f} s: each got {min(counts) / duration_s:.1f} to "
        f"{max(counts) / duration_s:.1f} "
        f"states/s; a step took its period and p50 {p50:.1f} ms, p99 {p99:.1f} ms, p100 {p100:.1f} ms; "
        f"daemon {before} -> {after}"
    )
    return Figures(text, before, after)


def simulated_hours(hours, *, period_s=0.5, steps=2000):
    """A client controls a daemon in lockstep, with a new connection and session every 2000 steps; returns figures."""
    with daemon("LOCKSTEP") as (address, pid):
        simulated_s, before, began = 0.0, None, time.monotonic()
        while simulated_s < hours * HOUR_S:
            with RobotClient(address) as robot, robot.control("load") as session:
                for _ in range(steps):
                    session.step(period_s=period_s)
            simulated_s += steps * period_s
            if before is None and simulated_s > hours * HOUR_S / 10:
                before = Footprint.of(pid)
        after = Footprint.of(pid)
    sessions = round(simulated_s / steps / period_s)
    text = (
        f"{simulated_s / HOUR_S:.1f} simulated hours, {sessions} sessions of {steps} steps in "
        f"{time.monotonic() - began:.0f} s: "
        f"daemon after a tenth {before} -> {after}"
    )
    return Figures(text, before, after)


def report(duration_s, hours):
    """Yields a line of figures each."""
    yield actors_on_a_learner(duration_s)
    yield observers_on_a_daemon(duration_s)
    yield simulated_hours(hours)
