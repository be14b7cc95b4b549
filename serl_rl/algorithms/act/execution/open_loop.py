"""Executes chunks one after the other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from serl_rl.algorithms.act.execution.executor import Chunk, Observation, Predict


class OpenLoop:
    """Executes the first actions of a chunk, then predicts the next one.

    Args:
        predict: Predicts chunks.
        steps: Actions of a chunk that are executed, at most those that it has.
    """

    def __init__(self, predict: Predict, steps: int) -> None:
        self._predict = predict
        self._steps = steps
        self._chunk: Chunk | None = None
        self._place = 0

    def begin_episode(self) -> None:
        """Forgets the chunk of the last episode."""
        self._chunk = None

    def action(self, observation: Observation) -> npt.NDArray[np.float32]:
        """Returns the action of this step."""
        if self._chunk is None or self._place >= self._steps:
            self._chunk, self._place = self._predict(observation), 0
        self._place += 1
        return self._chunk[self._place - 1].copy()
