"""The short fault harness: one run in trouble, whose replay then equals the log of its actor byte by byte."""

import random

import numpy as np
import pytest

from tests.faults.matrix import Line, joined, table
from tests.faults.training_faults import TroubledRun, cut, half_open, killed_actor

FLOWS_AGAIN_S = 5.0
SILENCE_OVER_S = 2.0
"""Before the connection was worked on during a pause, it took 4 to 10 s after the network was back."""


@pytest.mark.real_time
def test_a_run_in_trouble_loses_and_doubles_nothing_and_its_ledger_would_know(tmp_path):
    with TroubledRun(tmp_path / "run", random.Random(1)) as run:
        run.start()
        assert cut(run) < FLOWS_AGAIN_S
        assert killed_actor(run) < FLOWS_AGAIN_S
        assert half_open(run) < SILENCE_OVER_S
        comparison = run.compare()
        assert comparison.acknowledged > 20
        assert (comparison.lost, comparison.doubled) == (0, 0)
        replay = run.run_directory / "replay"
        _change(replay / "rewards.bin", np.float32, 3, 0.5)
        assert run.ledger.compare(replay).lost == 1
        _change(replay / "sequence_numbers.bin", np.int64, 5, 5)
        assert run.ledger.compare(replay).doubled == 1


def _change(path, dtype, index, value):
    np.memmap(path, dtype, "r+")[index] = value


def test_the_table_shows_what_was_measured():
    goes = [
        Line("cut", "nothing lost", (0.1, 0.25), acknowledged=9, lost=1),
        Line("cut", "nothing lost", (0.05,), hung=1),
    ]
    assert table(joined(goes)).splitlines()[-1] == "| cut | nothing lost | 0.10 s | 0.25 s | 4 | 9 | 1 | 0 | 1 |"
