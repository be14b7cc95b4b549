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
