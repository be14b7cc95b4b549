"""Averages all predictions that were made for a step."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from serl_rl.algorithms.act.execution.executor import Observation, Predict


class TemporalEnsemble:
    r"""Predicts a chunk in every step, and executes the weighted mean of what all chunks say of that step.

    .. math:: a_t = \sum_i w_i \hat a_t^{(i)} / \sum_i w_i, \quad w_i = e^{-m i}

    where i = 0 is the oldest prediction (Zhao et al. 2023, arXiv:2304.13705, algorithm 2). Sums and weights of the
    steps to come are kept, so that a step costs one prediction whatever its chunks have in common.

    Args:
        predict: Predicts chunks.
        decay: m; above 0 old predictions weigh more.
    """

    def __init__(self, predict: Predict, decay: float) -> None:
        self._predict = predict
        self._decay = decay
        self.begin_episode()

    def begin_episode(self) -> None:
        """Forgets the predictions of the last episode."""
        self._sums: npt.NDArray[np.float64] | None = None
        self._counts = np.zeros(0)

    def action(self, observation: Observation) -> npt.NDArray[np.float32]:
        """Returns the action of this step."""
        chunk = self._predict(observation).astype(np.float64)
        if self._sums is None:
            self._sums, self._weights, self._counts = np.zeros_like(chunk), np.zeros(len(chunk)), np.zeros(len(chunk))
        weights = np.exp(-self._decay * self._counts)
        self._sums += weights[:, None] * chunk
        self._weights += weights
        self._counts += 1
        mean = self._sums[0] / self._weights[0]
        for array in (self._sums, self._weights, self._counts):
            array[:-1] = array[1:]
            array[-1] = 0
        return mean.astype(np.float32)
