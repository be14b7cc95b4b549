"""Fixtures of a simulated cell with the cube; a conftest imports those that its tests take."""

import pytest

from serl_api.enums import Pacing


@pytest.fixture
def cell():
    """A lockstep pick-cube cell with seed 0."""
    from simulator.devices.cell import build_cell

    built = build_cell("pick-cube", Pacing.LOCKSTEP, 0)
    yield built
    built.close()


@pytest.fixture
def run_for(cell):
    """Lets simulated time pass, s."""

    def run(seconds):
        cell.timebase.wait_until(cell.timebase.now_ns() + round(seconds * 1e9))

    return run
