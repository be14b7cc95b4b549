"""The policy as an actor runs it: NumPy, one thread, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from serl_rl.spec import EnvironmentSpec

if TYPE_CHECKING:
    from torch import Tensor

_LAYER_NORM_EPSILON = np.float32(1e-6)
_LOG_STD_RANGE = np.log(np.array([1e-5, 5.0], np.float32))


class Policy:
    """Actions of a tanh-squashed Gaussian, from arrays that `SacAgent.policy_state` names.

    One thread at a time may call it. `act` before the first `load` draws uniformly from [-1, 1].

    Args:
        spec: What the environment observes and takes.
    """

    def __init__(self, spec: EnvironmentSpec) -> None:
        self.spec = spec
        self._layers: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
        self._heads: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def is_loaded(self) -> bool:
        """Whether `load` has been called."""
        return self._heads is not None

    def load(self, state: Mapping[str, np.ndarray | Tensor]) -> None:
        """Takes over the arrays of a policy; the old ones stay when it raises.

        Raises:
            PolicyError: An array is missing, has another shape than the spec asks for, or holds a NaN.
        """
        raise NotImplementedError

    def act(
        self, observation: Mapping[str, np.ndarray], rng: np.random.Generator, *, deterministic: bool = False
    ) -> np.ndarray:
        """Chooses an action.

        Args:
            observation: One observation, by name.
            rng: Source of the noise; unused when deterministic and loaded.
            deterministic: Whether to take tanh(mean) instead of a sample.

        Returns:
            Action in [-1, 1]. Shape (A,), float32.
        """
        raise NotImplementedError
