"""Packs values with NumPy arrays into msgpack and unpacks them, as openpi does; nothing in a message is ever run.

An array is a map of four keys, which are bytes: `__ndarray__`, `data`, `dtype`, `shape`; a scalar of NumPy's one of
three: `__npgeneric__`, `data`, `dtype`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgpack
import numpy as np

DESCRIPTION = "serl_policy"
"""Key of a server's metadata under which ours says what its policy reads: "inputs" (shape by name), "action_size", and
"resets": whether it wants to be told where an episode begins."""
BEGINS = "begins_episode"
"""Key of the first observation of an episode, for such a server."""

_ARRAY, _SCALAR = b"__ndarray__", b"__npgeneric__"
_DATA, _DTYPE, _SHAPE = b"data", b"dtype", b"shape"
_NUMBERS = "biuf"
"""Kinds of types that go over the wire: numbers and truth values; never objects."""


class WireError(ValueError):
    """Raised for bytes that are no message of this protocol, and for values that it has no place for."""


def pack(values: Mapping[str, Any]) -> bytes:
    """Packs values: numbers, text, arrays, lists and maps of them.

    Raises:
        WireError: A value is of another type.
    """
    try:
        return bytes(msgpack.Packer(default=_encode).pack(values))
    except (TypeError, ValueError, OverflowError) as error:
        raise WireError(f"these values cannot be sent: {error}") from error


def unpack(message: bytes) -> dict[str, Any]:
    """Unpacks a message.

    Raises:
        WireError: It is truncated, no map, or an array in it does not fit its own description.
    """
    try:
        values = msgpack.unpackb(message, object_hook=_decode)
    except WireError:
        raise
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise WireError(f"a message of {len(message)} bytes is no msgpack: {error}") from error
    if not isinstance(values, dict):
        raise WireError(f"a message is a {type(values).__name__}; it must be a map")
    return values


def _encode(value: object) -> dict[bytes, Any]:
    if not isinstance(value, np.ndarray | np.generic) or value.dtype.kind not in _NUMBERS:
        raise WireError(f"a {type(value).__name__} cannot be sent; only numbers, text, arrays, lists and maps can")
    if isinstance(value, np.ndarray):
        return {_ARRAY: True, _DATA: value.tobytes(), _DTYPE: value.dtype.str, _SHAPE: value.shape}
    return {_SCALAR: True, _DATA: value.item(), _DTYPE: value.dtype.str}


def _decode(values: dict[Any, Any]) -> object:
    if _ARRAY not in values and _SCALAR not in values:
        return values
    try:
        dtype = np.dtype(values[_DTYPE])
        if dtype.kind not in _NUMBERS:
            raise WireError(f"an array is of type {dtype}; only numbers and truth values are taken")
        if _SCALAR in values:
            return dtype.type(values[_DATA])
        shape, data = tuple(values[_SHAPE]), values[_DATA]
        if len(data) != math.prod(shape) * dtype.itemsize:
            raise WireError(f"an array of shape {shape} and type {dtype} came with {len(data)} bytes")
        return np.frombuffer(data, dtype).reshape(shape)
    except (KeyError, TypeError, ValueError) as error:
        raise error if isinstance(error, WireError) else WireError(f"an array is described wrongly: {error}") from error
