"""Converts NumPy and torch arrays to and from `serl.learner.v1.Tensor`, with every length checked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from serl.learner.v1 import tensor_pb2

if TYPE_CHECKING:
    import torch

_TYPES: dict[tensor_pb2.DataType, np.dtype[Any]] = {
    tensor_pb2.DATA_TYPE_FLOAT32: np.dtype("<f4"),
    tensor_pb2.DATA_TYPE_FLOAT64: np.dtype("<f8"),
    tensor_pb2.DATA_TYPE_FLOAT16: np.dtype("<f2"),
    tensor_pb2.DATA_TYPE_UINT8: np.dtype("u1"),
    tensor_pb2.DATA_TYPE_INT32: np.dtype("<i4"),
    tensor_pb2.DATA_TYPE_INT64: np.dtype("<i8"),
    tensor_pb2.DATA_TYPE_BOOL: np.dtype("?"),
}
_NUMBERS = {dtype: number for number, dtype in _TYPES.items()}
MAX_DIMENSIONS = 32
"""Most dimensions of a tensor, as of an array of any NumPy."""
MAX_SIZE = 2**31 - 1
"""Most elements of a tensor, more than any message can hold."""
_BFLOAT16_BITS = np.dtype("<u2")


class TensorError(ValueError):
    """Raised for a tensor whose type, shape and bytes do not fit together, or of a type that is not supported."""


def data_type_of(dtype: np.dtype[Any]) -> tensor_pb2.DataType:
    """Returns the wire's name of a NumPy type.

    Raises:
        TensorError: The wire has no such type.
    """
    number = _NUMBERS.get(np.dtype(dtype).newbyteorder("<"))
    if number is None:
        known = ", ".join(str(known) for known in _NUMBERS)
        raise TensorError(f"type {dtype} cannot be sent; convert it to one of {known}")
    return number


def dtype_of(data_type: tensor_pb2.DataType) -> np.dtype[Any]:
    """Returns the NumPy type of a wire type; a bfloat16 is read as float32.

    Raises:
        TensorError: The type is unknown to this version.
    """
    if data_type == tensor_pb2.DATA_TYPE_BFLOAT16:
        return np.dtype("<f4")
    if data_type not in _TYPES:
        raise TensorError(f"data type {data_type} is unknown; update this side or send one of {sorted(_TYPES)}")
    return _TYPES[data_type]


def item_bytes(data_type: tensor_pb2.DataType) -> int:
    """Returns the bytes of one number of a wire type.

    Raises:
        TensorError: The type is unknown to this version.
    """
    return _BFLOAT16_BITS.itemsize if data_type == tensor_pb2.DATA_TYPE_BFLOAT16 else dtype_of(data_type).itemsize


def to_proto(name: str, array: np.ndarray) -> tensor_pb2.Tensor:
    """Packs an array.

    Raises:
        TensorError: The wire has no such type.
    """
    data_type = data_type_of(array.dtype)
    data = np.ascontiguousarray(array, dtype=_TYPES[data_type]).tobytes()
    return tensor_pb2.Tensor(name=name, data_type=data_type, shape=array.shape, data=data)


def from_proto(tensor: tensor_pb2.Tensor) -> np.ndarray:
    """Unpacks an array without copying: the result is read-only and shares the message's bytes.

    A bfloat16 tensor becomes a float32 array.

    Raises:
        TensorError: The type is unknown, the shape is none of an array, or the bytes do not fill the shape.
    """
    shape = tuple(tensor.shape)
    is_bfloat16 = tensor.data_type == tensor_pb2.DATA_TYPE_BFLOAT16
    dtype = _BFLOAT16_BITS if is_bfloat16 else dtype_of(tensor.data_type)
    _check_length(tensor, shape, dtype)
    array = np.frombuffer(tensor.data, dtype=dtype).reshape(shape)
    return (array.astype(np.uint32) << 16).view(np.float32) if is_bfloat16 else array


def from_torch(name: str, tensor: torch.Tensor) -> tensor_pb2.Tensor:
    """Packs a torch tensor of any device; a bfloat16 stays one.

    Raises:
        TensorError: The wire has no such type.
    """
    import torch  # Here only, so that an actor need not load torch.

    value = tensor.detach().cpu().contiguous()
    if value.dtype != torch.bfloat16:
        return to_proto(name, value.numpy())
    data = value.view(torch.int16).numpy().astype("<i2", copy=False).tobytes()
    return tensor_pb2.Tensor(name=name, data_type=tensor_pb2.DATA_TYPE_BFLOAT16, shape=value.shape, data=data)


def _check_length(tensor: tensor_pb2.Tensor, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    if len(shape) > MAX_DIMENSIONS:
        raise TensorError(f"tensor {tensor.name!r} has {len(shape)} dimensions; at most {MAX_DIMENSIONS} are allowed")
    if any(size < 0 for size in shape):
        raise TensorError(f"tensor {tensor.name!r} has shape {shape}; no dimension may be negative")
    # Beside a dimension of 0 any other fits the bytes, also one that no array can have.
    if math.prod(max(size, 1) for size in shape) > MAX_SIZE:
        raise TensorError(f"tensor {tensor.name!r} has shape {shape}; sizes and their product are at most {MAX_SIZE}")
    expected = math.prod(shape) * dtype.itemsize
    if len(tensor.data) != expected:
        raise TensorError(
            f"tensor {tensor.name!r} of shape {shape} and type {dtype} needs {expected} bytes "
            f"but has {len(tensor.data)}; send exactly its elements"
        )
