"""Loads pickles of arrays in plain containers, and refuses everything else before anything of it runs.

A pickle is a program. This one may build dicts, lists, tuples, numbers, text and NumPy arrays; a jax array, which is a
wrapped NumPy array there, is read as NumPy. Any other name that the program asks for ends the reading.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import numpy as np

_DAMAGE = (
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    SystemError,  # Of NumPy, whose types take a damaged state.
    TypeError,
    ValueError,
    pickle.UnpicklingError,
)


class ForbiddenNameError(Exception):
    """Raised where a pickle names something that it may not have; the text is the name."""


class DamagedPickleError(Exception):
    """Raised where a file is no pickle, or a damaged one; the text says what is wrong."""


def load_array_pickle(file: BinaryIO) -> Any:  # noqa: ANN401 - what a pickle can be.
    """Loads a pickle of arrays in dicts, lists and tuples.

    Args:
        file: Open for reading.

    Raises:
        ForbiddenNameError: It asks for anything else.
        DamagedPickleError: It is none, or is damaged.
    """
    try:
        return _ArrayUnpickler(file).load()
    except _DAMAGE as error:
        raise DamagedPickleError(str(error)) from error


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - pickle's.
        """Resolves the few names that arrays need."""
        found = _ALLOWED.get((module.replace("numpy.core", "numpy._core"), name))
        if found is None:
            raise ForbiddenNameError(f"{module}.{name}")
        return found

    def persistent_load(self, pid: Any) -> Any:  # noqa: ANN401 - pickle's.
        """Refuses objects that live outside the file."""
        raise ForbiddenNameError(f"the external object {pid!r}")


def _empty_array(kind: type, shape: tuple[int, ...], typecode: bytes) -> np.ndarray:
    """Makes an array that `__setstate__` fills, as NumPy pickles it below protocol 5."""
    del typecode
    if kind is not np.ndarray or shape != (0,):
        raise ForbiddenNameError(f"an array of type {kind!r} and shape {shape!r}")
    return np.ndarray((0,), np.int8)


def _array_of_bytes(buffer: bytes, dtype: np.dtype[Any], shape: tuple[int, ...], order: str) -> np.ndarray:
    """Makes an array of its bytes, as NumPy pickles it from protocol 5 on."""
    if dtype.hasobject:
        raise ForbiddenNameError("an array of objects")
    return np.frombuffer(buffer, dtype).reshape(shape, order="F" if order == "F" else "C")


def _number(dtype: np.dtype[Any], data: bytes) -> np.generic:
    """Makes a NumPy number of its bytes."""
    if dtype.hasobject:
        raise ForbiddenNameError("a number that is an object")
    return np.frombuffer(data, dtype, 1)[0]


def _jax_array(build: Callable[..., Any], arguments: tuple[Any, ...], state: Any, aval: object) -> np.ndarray:  # noqa: ANN401
    """Reads a jax array as the NumPy array inside it."""
    del aval
    if build not in (_empty_array, _array_of_bytes):
        raise ForbiddenNameError("a jax array that holds no NumPy array")
    array = build(*arguments)
    if state is not None:
        array.__setstate__(state)
    return array


_ALLOWED: Mapping[tuple[str, str], Any] = {
    ("numpy", "dtype"): np.dtype,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy._core.multiarray", "_reconstruct"): _empty_array,
    ("numpy._core.numeric", "_frombuffer"): _array_of_bytes,
    ("numpy._core.multiarray", "scalar"): _number,
    ("collections", "OrderedDict"): dict,
    ("jax._src.array", "_reconstruct_array"): _jax_array,
}
