"""A script that pushes: for demonstrations, so that a policy meets success early."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from push_block.places import BLOCK, GOAL, HALF_EDGE
from serl_client import Task
from serl_client.teleop.expert_motion import scattered, within_box


class PushBlockExpert:
    """Goes behind the block as seen from the goal, then straight on, and back when the block has turned away."""

    def __init__(self, task: Task, *, rotation: bool, noise: float, seed: int | None) -> None:
        self._scale, self._noise, self._rng = task.translation_scale, noise, np.random.default_rng(seed)

    def reset(self) -> None:
        """Begins an episode; there is nothing to forget."""

    def action(self, observation: Mapping[str, NDArray[Any]], info: Mapping[str, Any]) -> NDArray[np.float32]:
        """Next translation, in [-1, 1]."""
        tcp, block = info["tcp_pose"][:2], info[f"{BLOCK}_position"][:2]
        ahead = (np.array(GOAL) - block) / np.linalg.norm(np.array(GOAL) - block)
        along = float((tcp - block) @ ahead)
        aside = tcp - block - along * ahead
        if along > -HALF_EDGE:  # Beside the block: back past it first.
            way = -0.03 * ahead + aside
        elif np.linalg.norm(aside) > 0.008:
            way = -aside + (-0.06 - along) * ahead
        else:
            way = 0.03 * ahead - 0.8 * aside
        moved = scattered(np.array((*way, 0.0)), self._noise, self._rng)
        return (within_box(moved, self._scale) / self._scale).astype(np.float32)
