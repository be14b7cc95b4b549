"""Builds the actions of scripted experts: noise, bounds, and translations with a gripper's opening."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from serl_api.values import FloatArray


def scattered(translation: FloatArray, noise: float, rng: np.random.Generator) -> FloatArray:
    """Adds noise of a share of its length to a translation. Shape (3,), m."""
    return translation + noise * float(np.linalg.norm(translation)) * rng.standard_normal(3)


def within_box(vector: FloatArray, bound: float) -> FloatArray:
    """Shortens a vector, without turning it, until its components are at most a bound."""
    return vector / max(1.0, float(np.abs(vector).max()) / bound)


def funnel_height(to_goal: FloatArray, *, radius: float, slope: float, lowest: float = 0.0, highest: float) -> float:
    """Returns how high above a goal to stay on the way to it: in a funnel about the vertical, m.

    Args:
        to_goal: Way to the goal, m; its first two components are horizontal.
        radius: Horizontal distance within which the funnel is at its lowest, m.
        slope: Height for each metre beyond that.
        lowest: Height over the goal, m.
        highest: Height at the rim, m.
    """
    beyond = max(0.0, float(np.hypot(*to_goal[:2])) - radius)
    return min(lowest + slope * beyond, highest)


def translating(translation: FloatArray, opening: float, size: int) -> NDArray[np.float32]:
    """Makes an action of that size that translates, in [-1, 1], does not turn, and opens (1) or closes (-1)."""
    action = np.zeros(size)
    action[:3] = translation
    action[-1] = opening
    return action.astype(np.float32)


def moving(
    translation: FloatArray, turn: FloatArray, scales: tuple[float, float], noise: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Makes an action that translates and turns: each half is shortened to fit, then noise of a share of it is added.

    Args:
        translation: Wanted, m. Shape (3,).
        turn: Wanted, a rotation vector, rad. Shape (3,).
        scales: Translation and rotation of action 1, m and rad.
        noise: Standard deviation of each component, as a fraction of its half's length.
        rng: Of the noise.

    Returns:
        Shape (6,), in [-1, 1].
    """
    halves = []
    for wanted, scale in zip((translation, turn), scales, strict=True):
        half = within_box(wanted / scale, 1.0)
        halves.append(half + noise * float(np.linalg.norm(half)) * rng.standard_normal(3))
    return np.clip(np.concatenate(halves), -1.0, 1.0).astype(np.float32)
