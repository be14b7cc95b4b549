"""Defines the error of weight files."""

from __future__ import annotations

from serl_rl.errors import RunError


class WeightsError(RunError, ValueError):
    """Raised for a weight file that is missing, damaged, unsafe or of another network."""
