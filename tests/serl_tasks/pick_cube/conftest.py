"""A cell with the cube."""

from tests.support.simulated_cell import cell, run_for

__all__ = ["cell", "run_for"]
