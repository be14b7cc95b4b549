"""Reads pickles of nested dicts of arrays, such as SERL's `resnet10_params.pkl`, and refuses everything else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from serl_rl.artifacts.array_pickle import DamagedPickleError, ForbiddenNameError, load_array_pickle
from serl_rl.models.vision.weights.errors import WeightsError

_SCALAR_TYPES = (bool, int, float, str, type(None))


def read_array_pickle(path: Path) -> dict[str, np.ndarray]:
    """Reads arrays by path, such as "ResNetBlock_0/Conv_0/kernel".

    Args:
        path: The file.

    Returns:
        Arrays of floats, in the file's layout.

    Raises:
        OSError: The file cannot be opened.
        WeightsError: It is no pickle, is damaged, or holds something else than dicts of arrays of floats.
    """
    with path.open("rb") as file:
        try:
            content = load_array_pickle(file)
        except ForbiddenNameError as error:
            raise WeightsError(
                f"{path} asks for {error}, but a weight file may hold only dicts of NumPy arrays; it was not loaded"
            ) from None
        except DamagedPickleError as error:
            raise WeightsError(f"{path} is no pickle of arrays, or is damaged ({error})") from error
    arrays: dict[str, np.ndarray] = {}
    try:
        _flatten(path, content, "", arrays)
    except RecursionError:
        raise WeightsError(f"{path} has a dict that holds itself, or hundreds in each other; no weights do") from None
    return arrays


def _flatten(path: Path, value: Any, name: str, arrays: dict[str, np.ndarray]) -> None:  # noqa: ANN401
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise WeightsError(f"{path} has the key {key!r} at {name or 'its top'}; every key must be text")
            _flatten(path, item, f"{name}/{key}" if name else key, arrays)
    elif isinstance(value, np.ndarray) and value.dtype.kind == "f":
        arrays[name] = value
    elif not (isinstance(value, _SCALAR_TYPES) and name):
        what = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
        raise WeightsError(f"{path} has {what} at {name or 'its top'}; it may hold only dicts of arrays of floats")
