"""Computes hidden layers in an actor, with NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

_LAYER_NORM_EPSILON = np.float32(1e-6)


def hidden_shapes(
    arrays: Mapping[str, np.ndarray], inputs: int, prefix: str = ""
) -> tuple[dict[str, tuple[int, ...]], int]:
    """Returns the shapes that the arrays of an `Mlp` with these hidden sizes must have, and its number of features.

    Args:
        arrays: All arrays of a policy.
        inputs: Features that it reads.
        prefix: What the names of the network's arrays begin with.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    index = 0
    while (offset := arrays.get(f"{prefix}mlp.layers.{index}.offset")) is not None:
        layer = f"{prefix}mlp.layers.{index}"
        shapes[f"{layer}.affine.weight"] = (inputs, offset.size)
        shapes |= {f"{layer}.{name}": (offset.size,) for name in ("affine.bias", "scale", "offset")}
        inputs, index = offset.size, index + 1
    return shapes, inputs


def hidden_layers(arrays: Mapping[str, np.ndarray], prefix: str = "") -> list[tuple[np.ndarray, ...]]:
    """Returns weight, bias, scale and offset of each layer of an `Mlp`, in order."""
    layers: list[tuple[np.ndarray, ...]] = []
    while (layer := f"{prefix}mlp.layers.{len(layers)}") + ".offset" in arrays:
        layers.append(tuple(arrays[f"{layer}.{name}"] for name in ("affine.weight", "affine.bias", "scale", "offset")))
    return layers


def features(layers: list[tuple[np.ndarray, ...]], x: np.ndarray) -> np.ndarray:
    """Computes what an `Mlp` makes of one vector. Shape (D,)."""
    for weight, bias, scale, offset in layers:
        x = product(x, weight) + bias
        x = x - x.sum() / len(x)
        x = np.tanh(x / np.sqrt(x.dot(x) / len(x) + _LAYER_NORM_EPSILON) * scale + offset)
    return x


def product(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Computes x W by NumPy's own loop, because a BLAS would start threads that compete with a learner's."""
    return np.einsum("i,ij->j", x, weight)
