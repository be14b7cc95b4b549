"""Measures how long each side takes to notice a silent peer, for docs/reliability.md: `python -m tests.faults 50`."""

import sys
import tempfile
from pathlib import Path

import numpy as np

from tests.support import silence


def _in_a_folder(trial):
    with tempfile.TemporaryDirectory() as folder:
        return trial(Path(folder))


TRIALS = {
    "arm rests, silent network": silence.arm_in_a_silent_network,
    "arm rests, stopped client": silence.arm_of_a_stopped_client,
    "client hears of it": lambda: silence.client_in_a_silent_network()[0],
    "actor notices": lambda: _in_a_folder(silence.actor_in_a_silent_network),
    "learner forgets": lambda: _in_a_folder(silence.learner_in_a_silent_network),
}


def main():
    count = int(sys.argv[1])
    for name, trial in TRIALS.items():
        seconds = [trial() for _ in range(count)]
        print(f"{name}: p50 {np.median(seconds):.2f} s, p100 {max(seconds):.2f} s of {count}", flush=True)


if __name__ == "__main__":
    main()
