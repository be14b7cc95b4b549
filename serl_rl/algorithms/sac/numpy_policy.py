"""Runs the policy in an actor: NumPy, one thread, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from serl_rl.algorithms.algorithm import PolicyError
from serl_rl.models.grasp_choice import PREFIX, choose, grasp_shapes
from serl_rl.models.gripper_layout import GripperLayout
from serl_rl.protocol.spec import EnvironmentSpec

if TYPE_CHECKING:
    from torch import Tensor


_Layer: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]

_LAYER_NORM_EPSILON = np.float32(1e-6)
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
        self._layers: list[_Layer] = []
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
        arrays = {name: np.array(np.asarray(value), np.float32) for name, value in state.items()}
        _check(arrays, self.spec, self._grippers)
        self._grasp = {name: array for name, array in arrays.items() if name.startswith(PREFIX)}
        count = (len(arrays) - len(self._grasp)) // 4 - 1
        self._layers = [_layer(arrays, index) for index in range(count)]
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
        heads = _product(self._features(vector), weight) + bias
        raw = heads[:size]
        if not deterministic:
            std = np.exp(np.clip(heads[size:], *_LOG_STD_RANGE))
            raw = raw + std * rng.standard_normal(size, np.float32)
        return self._grippers.compose(np.tanh(raw), choose(self._grasp, vector) if self._grasp else 0)

    def _vector(self, observation: Mapping[str, np.ndarray]) -> np.ndarray:
        vectors = [observation[array.name] for array in self.spec.vectors]
        return np.asarray(vectors[0] if len(vectors) == 1 else np.concatenate(vectors), np.float32)

    def _features(self, x: np.ndarray) -> np.ndarray:
        for weight, bias, scale, offset in self._layers:
            x = _product(x, weight) + bias
            x = x - x.sum() / len(x)
            x = np.tanh(x / np.sqrt(x.dot(x) / len(x) + _LAYER_NORM_EPSILON) * scale + offset)
        return x


def _product(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """X W; NumPy's own loop, because a BLAS would start threads that compete with a learner's."""
    return np.einsum("i,ij->j", x, weight)


def _layer(arrays: Mapping[str, np.ndarray], index: int) -> _Layer:
    prefix = f"mlp.layers.{index}"
    names = ("affine.weight", "affine.bias", "scale", "offset")
    weight, bias, scale, offset = (arrays[f"{prefix}.{name}"] for name in names)
    return weight, bias, scale, offset


def _check(arrays: Mapping[str, np.ndarray], spec: EnvironmentSpec, grippers: GripperLayout) -> None:
    expected = _expected_shapes(arrays, spec, grippers.arm_size)
    if grippers.grippers:
        expected |= grasp_shapes(arrays, spec.vector_size, grippers.choice_count)
    differing = sorted(set(expected) ^ set(arrays))
    if differing:
        where = "missing" if differing[0] in expected else "unknown"
        raise PolicyError(f"array {differing[0]!r} is {where} in the policy; actor and learner must be of one version")
    for name, shape in expected.items():
        if arrays[name].shape != shape:
            raise PolicyError(f"array {name!r} has shape {arrays[name].shape} but the spec needs {shape}")
        if not np.isfinite(arrays[name]).all():
            raise PolicyError(f"array {name!r} holds a value that is NaN or infinite; training has diverged")


def _expected_shapes(
    arrays: Mapping[str, np.ndarray], spec: EnvironmentSpec, outputs: int
) -> dict[str, tuple[int, ...]]:
    """Shapes of all arrays of a policy with this one's hidden sizes."""
    shapes: dict[str, tuple[int, ...]] = {}
    inputs, index = spec.vector_size, 0
    while (offset := arrays.get(f"mlp.layers.{index}.offset")) is not None:
        prefix = f"mlp.layers.{index}"
        shapes[f"{prefix}.affine.weight"] = (inputs, offset.size)
        shapes |= {f"{prefix}.{name}": (offset.size,) for name in ("affine.bias", "scale", "offset")}
        inputs, index = offset.size, index + 1
    for head in ("mean", "log_std"):
        shapes |= {f"{head}.weight": (inputs, outputs), f"{head}.bias": (outputs,)}
    return shapes
