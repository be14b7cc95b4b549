"""A cell with the cube."""

import pytest

from serl_api.enums import Pacing
from simulator.devices.cell import build_cell


@pytest.fixture
def cell():
    """A lockstep cell with seed 0."""
    built = build_cell("pick-cube", Pacing.LOCKSTEP, 0)
    yield built
    built.close()


@pytest.fixture
def run_for(cell):
    """Lets simulated time pass, s."""

    def run(seconds):
        cell.timebase.wait_until(cell.timebase.now_ns() + round(seconds * 1e9))

    return run
