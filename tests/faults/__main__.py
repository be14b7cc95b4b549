"""Measures what docs/reliability.md promises: `python -m tests.faults --trials 50 --seed 1`."""

import argparse
import contextlib
import json
import random
import sys
import tempfile
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path

from serl_client import RobotClient
from tests.faults.clock_faults import controlling_while_clocks_jump
from tests.faults.disk_faults import Recorder, recording
from tests.faults.load import report
from tests.faults.matrix import Line, joined, table, training_line
from tests.faults.training_faults import FAULTS
from tests.support import estops, silence
from tests.support.daemons import serve
from tests.support.floods import HEALTH, ROBOT, half_open_calls, idle_connections


def _in_a_folder(trial):
    with tempfile.TemporaryDirectory() as folder:
        return trial(Path(folder))


@contextlib.contextmanager
def stopping(flood):
    """A trial of `Stop` from a new client, before a daemon that is flooded all along."""
    daemon = serve()
    with contextlib.closing(daemon), RobotClient(daemon.address) as robot, flood(daemon.address):

        def trial():
            started = time.monotonic()
            robot.stop()
            return time.monotonic() - started

        yield trial


@contextlib.contextmanager
def repeating(trial):
    """A trial that needs nothing around it."""
    yield trial


FLOODS = {
    f"60 half-open {method.rpartition('/')[2]}": partial(half_open_calls, method=method) for method in ROBOT + HEALTH
}
FLOODS["1000 idle connections"] = partial(idle_connections, count=1000)
SILENCES = {
    "silent network during a Move": (silence.arm_in_a_silent_network, "the arm rests within 2.3 s"),
    "stopped client during a Move": (silence.arm_of_a_stopped_client, "the arm rests within 2.3 s"),
    "silent network, client": (lambda: silence.client_in_a_silent_network()[0], "the client hears of it"),
    "silent network, actor": (partial(_in_a_folder, silence.actor_in_a_silent_network), "the actor notices"),
    "silent network, learner": (partial(_in_a_folder, silence.learner_in_a_silent_network), "the learner forgets it"),
    "silent watch of health": (silence.watch_of_health_in_a_silent_network, "its place is free"),
    "silent stream of states": (silence.stream_of_states_in_a_silent_network, "its place is free"),
    "silent watch of a policy": (silence.watch_of_a_policy_in_a_silent_network, "its place is free"),
}
ESTOPS = {
    f"e-stop endpoint: {name}": (partial(estops.seconds_until_stopped, trouble), "the arm is stopped within 0.6 s")
    for name, trouble in estops.TROUBLES.items()
}
TRIALS = {fault: (partial(stopping, flood), "Stop is answered") for fault, flood in FLOODS.items()}
TRIALS["wall clock jumps by up to a day"] = (controlling_while_clocks_jump, "control goes on, each step in its time")
TRIALS["disk under recordings full"] = (partial(recording, Recorder.full), "no recorded episode is lost")
TRIALS["disk under recordings read-only"] = (partial(recording, Recorder.read_only), "no recorded episode is lost")
TRIALS |= {fault: (partial(repeating, trial), promise) for fault, (trial, promise) in (SILENCES | ESTOPS).items()}


def main():
    """Runs the trials; 1 where something was lost, doubled or hung."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("matrix", "load"), default="matrix")
    parser.add_argument("--seconds", type=float, default=60.0, help="of load on each server")
    parser.add_argument("--hours", type=float, default=24.0, help="simulated hours of load")
    parser.add_argument("--trials", type=int, default=50, help="of each fault")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--budget", type=float, default=float("inf"), help="most seconds of each fault")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="faults whose names hold one of these")
    parser.add_argument("--json", type=Path, help="file that the lines are added to")
    parser.add_argument("--join", action="store_true", help="print the table of the lines in --json and run nothing")
    parser.add_argument("--list", action="store_true", help="print the names and run nothing")
    options = parser.parse_args()
    names = [name for name in (*FAULTS, *TRIALS) if not options.only or any(word in name for word in options.only)]
    if options.what == "load":
        for figures in report(options.seconds, options.hours):
            print(figures.text, flush=True)
        return 0
    if options.join:
        print(table(joined(Line(**json.loads(text)) for text in options.json.read_text().splitlines())))
        return 0
    if options.list:
        print("\n".join(names))
        return 0
    lines = []
    for name in names:
        lines.append(_measure(name, options.trials, random.Random(f"{options.seed} {name}"), options.budget))
        print(table(lines[-1:]).splitlines()[-1], flush=True)
        if options.json is not None:
            with options.json.open("a") as file:
                file.write(json.dumps(asdict(lines[-1])) + "\n")
    print(table(lines))
    return 0 if all(item.is_kept for item in lines) else 1


def _measure(name, trials, rng, budget_s):
    if name in FAULTS:
        return training_line(name, trials, rng, budget_s)
    prepare, promise = TRIALS[name]
    seconds, started = [], time.monotonic()
    with prepare() as trial:
        while len(seconds) < trials and time.monotonic() - started < budget_s:
            seconds.append(trial())
    return Line(name, promise, tuple(seconds))


if __name__ == "__main__":
    sys.exit(main())
