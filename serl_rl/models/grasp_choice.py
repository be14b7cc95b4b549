"""Computes the grippers' choice in an actor, with NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

PREFIX = "grasp."
"""What the names of a grasp critic's arrays begin with."""

_LAYER_NORM_EPSILON = np.float32(1e-6)


def grasp_shapes(arrays: Mapping[str, np.ndarray], inputs: int, choices: int) -> dict[str, tuple[int, ...]]:
    """Shapes that the arrays of a grasp critic with these hidden sizes must have.

    Args:
        arrays: All arrays of a policy.
        inputs: Features that it reads.
        choices: Number of choices.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    index = 0
    while (offset := arrays.get(f"{PREFIX}mlp.layers.{index}.offset")) is not None:
        layer = f"{PREFIX}mlp.layers.{index}"
        shapes[f"{layer}.affine.weight"] = (inputs, offset.size)
        shapes |= {f"{layer}.{name}": (offset.size,) for name in ("affine.bias", "scale", "offset")}
        inputs, index = offset.size, index + 1
    last = arrays.get(f"{PREFIX}linear.bias", np.empty(0)).size
    shapes |= {f"{PREFIX}linear.weight": (inputs, last), f"{PREFIX}linear.bias": (last,)}
    return shapes | {f"{PREFIX}value.weight": (last, choices), f"{PREFIX}value.bias": (choices,)}


def choose(arrays: Mapping[str, np.ndarray], features: np.ndarray) -> int:
    """Returns the most valuable choice. There is no exploration: demonstrations and interventions show the others.

    Args:
        arrays: Checked arrays of a grasp critic.
        features: What it reads. Shape (D,).
    """
    x, index = features, 0
    while f"{PREFIX}mlp.layers.{index}.offset" in arrays:
        layer = f"{PREFIX}mlp.layers.{index}."
        x = np.einsum("i,ij->j", x, arrays[layer + "affine.weight"]) + arrays[layer + "affine.bias"]
        x = x - x.mean()
        x = np.tanh(
            x / np.sqrt(x.dot(x) / len(x) + _LAYER_NORM_EPSILON) * arrays[layer + "scale"] + arrays[layer + "offset"]
        )
        index += 1
    for name in ("linear", "value"):
        x = np.einsum("i,ij->j", x, arrays[f"{PREFIX}{name}.weight"]) + arrays[f"{PREFIX}{name}.bias"]
    return int(x.argmax())
