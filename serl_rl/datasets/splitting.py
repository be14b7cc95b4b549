"""Splits episodes into those to learn from and those to validate with."""

from __future__ import annotations

import numpy as np


def split_episodes(count: int, validation_share: float, seed: int) -> tuple[list[int], list[int]]:
    """Splits episodes by number into those to learn from and those to validate with.

    Frames of one episode look alike, so that a split by frame would measure memory.

    Args:
        count: Episodes; from two on, each side gets one at least, unless the share is 0.
        validation_share: Share to validate with, in [0, 1).
        seed: Of the draw.
    """
    order = [int(number) for number in np.random.default_rng(seed).permutation(count)]
    held = 0 if validation_share <= 0 or count < 2 else min(max(1, round(count * validation_share)), count - 1)
    return sorted(order[held:]), sorted(order[:held])
