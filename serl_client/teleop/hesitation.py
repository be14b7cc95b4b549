"""Lets a scripted expert hesitate before it opens or closes its fingers, as people do who look before they grasp."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from serl_client.episodes.expert import EnvInfo, EnvObservation, Expert


class HesitantExpert:
    """Stands still for a while before each change of the gripper; an `Expert`.

    How long is drawn anew each time, and nothing that is observed says how much of it is over. What is done next then
    depends on the past: whoever imitates one action at a time learns to stand still, and goes on standing.

    Args:
        expert: Who knows how, and begins anew after each hesitation; the last component of its actions opens (above 0)
            or closes the fingers.
        steps: Least and most steps of a hesitation, at least 1.
        seed: Of their lengths.
        opening: How the fingers stand at the start of an episode: 1 open, -1 closed.
    """

    def __init__(
        self, expert: Expert, *, steps: tuple[int, int], seed: int | None = None, opening: float = 1.0
    ) -> None:
        self._expert = expert
        self._steps = steps
        self._rng = np.random.default_rng(seed)
        self._start_opening = opening
        self.reset()

    def reset(self) -> None:
        """Begins an episode."""
        self._expert.reset()
        self._opening = self._start_opening
        self._left = 0
        self._has_hesitated = False

    def action(self, observation: EnvObservation, info: EnvInfo) -> NDArray[np.float32]:
        """Returns the next action in [-1, 1]: the expert's, or none while it hesitates."""
        if self._left:
            self._left -= 1
            if not self._left:
                self._expert.reset()  # It did not drive what went before.
            return self._still
        wanted = self._expert.action(observation, info)
        changes = wanted[-1] * self._opening < 0.0
        if changes and not self._has_hesitated:
            self._has_hesitated = True
            self._left = int(self._rng.integers(self._steps[0], self._steps[1], endpoint=True)) - 1
            self._still = np.zeros_like(wanted)
            self._still[-1] = self._opening
            return self._still
        if changes:
            self._opening, self._has_hesitated = -self._opening, False
        return wanted
