"""Runs the policy in an actor: NumPy, one thread, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from serl_rl.algorithms.algorithm import PolicyError
from serl_rl.models.grasp_choice import PREFIX, choose, grasp_shapes
from serl_rl.models.gripper_layout import GripperLayout
from serl_rl.models.numpy_layers import features, hidden_layers, hidden_shapes, product
from serl_rl.protocol.spec import EnvironmentSpec

if TYPE_CHECKING:
    from torch import Tensor


_LOG_STD_RANGE = np.log(np.array([1e-5, 5.0], np.float32))


class NumpyPolicy:
    """Samples actions of a tanh-squashed Gaussian, from arrays that `SacAgent.policy_state` names.

    One thread at a time may call it. `act` before the first `load` draws uniformly from [-1, 1].

    Args:
        spec: What the environment observes and takes.
        grippers: Grippers that a grasp critic opens and closes.
    """

    def __init__(self, spec: EnvironmentSpec, grippers: int = 0) -> None:
        self.spec = spec
        self._grippers = GripperLayout(spec.action_size, grippers)
        self._grasp: dict[str, np.ndarray] = {}
        self._layers: list[tuple[np.ndarray, ...]] = []
        self._heads: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def is_loaded(self) -> bool:
        """Returns whether `load` has been called."""
        return self._heads is not None

    def load(self, state: Mapping[str, np.ndarray | Tensor]) -> None:
        """Takes over the arrays of a policy; the old ones stay when it raises.

        Raises:
            PolicyError: An array is missing or unknown, has another shape than the spec asks for, or holds a NaN.
        """
        arrays = read_arrays(state)
        check_arrays(arrays, self._shapes(arrays), "the spec needs")
        self._grasp = {name: array for name, array in arrays.items() if name.startswith(PREFIX)}
        self._layers = hidden_layers(arrays)
        weight = np.concatenate([arrays["mean.weight"], arrays["log_std.weight"]], axis=1)
        self._heads = weight, np.concatenate([arrays["mean.bias"], arrays["log_std.bias"]])

    def begin_episode(self) -> None:
        """Does nothing: this policy has no state."""

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
        size = self._grippers.arm_size
        if self._heads is None:
            return rng.uniform(-1, 1, self.spec.action_size).astype(np.float32)
        weight, bias = self._heads
        vector = self._vector(observation)
        heads = product(features(self._layers, vector), weight) + bias
        raw = heads[:size]
        if not deterministic:
            std = np.exp(np.clip(heads[size:], *_LOG_STD_RANGE))
            raw = raw + std * rng.standard_normal(size, np.float32)
        return self._grippers.compose(np.tanh(raw), choose(self._grasp, vector) if self._grasp else 0)

    def _vector(self, observation: Mapping[str, np.ndarray]) -> np.ndarray:
        vectors = [observation[array.name] for array in self.spec.vectors]
        return np.asarray(vectors[0] if len(vectors) == 1 else np.concatenate(vectors), np.float32)

    def _shapes(self, arrays: Mapping[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
        """Returns the shapes of all arrays of a policy with these hidden sizes."""
        shapes, inputs = hidden_shapes(arrays, self.spec.vector_size)
        for head in ("mean", "log_std"):
            outputs = self._grippers.arm_size
            shapes |= {f"{head}.weight": (inputs, outputs), f"{head}.bias": (outputs,)}
        if self._grippers.grippers:
            shapes |= grasp_shapes(arrays, self.spec.vector_size, self._grippers.choice_count)
        return shapes


def read_arrays(state: Mapping[str, np.ndarray | Tensor]) -> dict[str, np.ndarray]:
    """Copies the arrays of a policy as float32."""
    return {name: np.array(np.asarray(value), np.float32) for name, value in state.items()}


def check_arrays(arrays: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]], asking: str) -> None:
    """Compares the arrays of a policy with the shapes that they must have.

    Args:
        arrays: By name.
        shapes: By name.
        asking: What asks for these shapes, for the message.

    Raises:
        PolicyError: An array is missing or unknown, has another shape, or holds a NaN.
    """
    differing = sorted(set(shapes) ^ set(arrays))
    if differing:
        where = "missing" if differing[0] in shapes else "unknown"
        raise PolicyError(f"array {differing[0]!r} is {where} in the policy; actor and learner must be of one version")
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise PolicyError(f"array {name!r} has shape {arrays[name].shape} but {asking} {shape}")
        if not np.isfinite(arrays[name]).all():
            raise PolicyError(f"array {name!r} holds a value that is NaN or infinite; training has diverged")
