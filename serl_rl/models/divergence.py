"""Notices training that has diverged: a loss that is no number never becomes one again."""

from __future__ import annotations

import math

from serl_rl.errors import DivergedError


def require_finite(name: str, value: float, steps: int, remedy: str) -> None:
    """Ends training whose figure is NaN or infinite.

    Args:
        name: The figure.
        value: Its value.
        steps: Gradient steps done.
        remedy: What to do about it.

    Raises:
        DivergedError: It is not finite.
    """
    if not math.isfinite(value):
        raise DivergedError(f"training diverged: {name} is {value} after {steps} steps; {remedy}")
