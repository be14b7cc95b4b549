"""Measures what docs/reliability.md promises: `python -m tests.faults 50`."""

import contextlib
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

from serl_client import RobotClient
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


FLOODS = {
    f"Stop, half-open {method.rpartition('/')[2]}": partial(half_open_calls, method=method) for method in ROBOT + HEALTH
}
FLOODS["Stop, 1000 idle connections"] = partial(idle_connections, count=1000)
SILENCES = {
    "arm rests, silent network": silence.arm_in_a_silent_network,
    "arm rests, stopped client": silence.arm_of_a_stopped_client,
    "client hears of it": lambda: silence.client_in_a_silent_network()[0],
    "actor notices": lambda: _in_a_folder(silence.actor_in_a_silent_network),
    "learner forgets": lambda: _in_a_folder(silence.learner_in_a_silent_network),
}
ESTOPS = {
    f"arm stopped, e-stop {name}": partial(estops.seconds_until_stopped, trouble)
    for name, trouble in estops.TROUBLES.items()
}


def main():
    count = int(sys.argv[1])
    for name, flood in FLOODS.items():
        with stopping(flood) as trial:
            _report(name, trial, count)
    for name, trial in (SILENCES | ESTOPS).items():
        _report(name, trial, count)


def _report(name, trial, count):
    seconds = [trial() for _ in range(count)]
    print(f"{name}: p50 {np.median(seconds):.3f} s, p100 {max(seconds):.3f} s of {count}", flush=True)


if __name__ == "__main__":
    main()
