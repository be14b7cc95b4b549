"""Reads pickles of nested dicts of arrays, such as SERL's `resnet10_params.pkl`, and refuses everything else.

A pickle is a program. This one may build dicts, lists, tuples, numbers, text and NumPy arrays; a jax array, which is a
wrapped NumPy array there, is read as NumPy. Any other name that the program asks for ends the reading.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from serl_rl.models.vision.weights.errors import WeightsError

_DAMAGE = (
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
)
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
            content = _ArrayUnpickler(file).load()
        except _ForbiddenError as error:
            raise WeightsError(
                f"{path} asks for {error}, but a weight file may hold only dicts of NumPy arrays; it was not loaded"
            ) from None
        except _DAMAGE as error:
            raise WeightsError(f"{path} is no pickle of arrays, or is damaged ({error})") from error
    arrays: dict[str, np.ndarray] = {}
    try:
        _flatten(path, content, "", arrays)
    except RecursionError:
        raise WeightsError(f"{path} has a dict that holds itself, or hundreds in each other; no weights do") from None
    return arrays


class _ForbiddenError(Exception):
    """Raised where the pickle names something that it may not have."""


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - pickle's.
        """Resolves the few names that arrays need."""
        found = _ALLOWED.get((module.replace("numpy.core", "numpy._core"), name))
        if found is None:
            raise _ForbiddenError(f"{module}.{name}")
        return found

    def persistent_load(self, pid: Any) -> Any:  # noqa: ANN401 - pickle's.
        """Refuses objects that live outside the file."""
        raise _ForbiddenError(f"the external object {pid!r}")


def _empty_array(kind: type, shape: tuple[int, ...], typecode: bytes) -> np.ndarray:
    """Makes an array that `__setstate__` fills, as NumPy pickles it below protocol 5."""
    del typecode
    if kind is not np.ndarray or shape != (0,):
        raise _ForbiddenError(f"an array of type {kind!r} and shape {shape!r}")
    return np.ndarray((0,), np.int8)


def _array_of_bytes(buffer: bytes, dtype: np.dtype[Any], shape: tuple[int, ...], order: str) -> np.ndarray:
    """Makes an array of its bytes, as NumPy pickles it from protocol 5 on."""
    if dtype.hasobject:
        raise _ForbiddenError("an array of objects")
    return np.frombuffer(buffer, dtype).reshape(shape, order="F" if order == "F" else "C")


def _jax_array(build: Callable[..., Any], arguments: tuple[Any, ...], state: Any, aval: object) -> np.ndarray:  # noqa: ANN401
    """Reads a jax array as the NumPy array inside it."""
    del aval
    if build not in (_empty_array, _array_of_bytes):
        raise _ForbiddenError("a jax array that holds no NumPy array")
    array = build(*arguments)
    if state is not None:
        array.__setstate__(state)
    return array


_ALLOWED: Mapping[tuple[str, str], Any] = {
    ("numpy", "dtype"): np.dtype,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy._core.multiarray", "_reconstruct"): _empty_array,
    ("numpy._core.numeric", "_frombuffer"): _array_of_bytes,
    ("jax._src.array", "_reconstruct_array"): _jax_array,
}


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
