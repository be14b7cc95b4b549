"""Computes the grippers' choice in an actor, with NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from serl_rl.models.numpy_layers import features, hidden_layers, hidden_shapes, product

PREFIX = "grasp."
"""What the names of a grasp critic's arrays begin with."""


def grasp_shapes(arrays: Mapping[str, np.ndarray], inputs: int, choices: int) -> dict[str, tuple[int, ...]]:
    """Returns the shapes that the arrays of a grasp critic with these hidden sizes must have.

    Args:
        arrays: All arrays of a policy.
        inputs: Features that it reads.
        choices: Number of choices.
    """
    shapes, inputs = hidden_shapes(arrays, inputs, PREFIX)
    last = arrays.get(f"{PREFIX}linear.bias", np.empty(0)).size
    shapes |= {f"{PREFIX}linear.weight": (inputs, last), f"{PREFIX}linear.bias": (last,)}
    return shapes | {f"{PREFIX}value.weight": (last, choices), f"{PREFIX}value.bias": (choices,)}


def choose(arrays: Mapping[str, np.ndarray], perceived: np.ndarray) -> int:
    """Returns the most valuable choice. There is no exploration: demonstrations and interventions show the others.

    Args:
        arrays: Checked arrays of a grasp critic.
        perceived: What it reads. Shape (D,).
    """
    x = features(hidden_layers(arrays, PREFIX), perceived)
    for name in ("linear", "value"):
        x = product(x, arrays[f"{PREFIX}{name}.weight"]) + arrays[f"{PREFIX}{name}.bias"]
    return int(x.argmax())
