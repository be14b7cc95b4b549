"""Splits the bytes of a published policy into its arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from serl.learner.v1 import tensor_pb2

from serl_rl.protocol.tensors import from_proto, item_bytes

Arrays = dict[str, npt.NDArray[np.generic]]


def split_policy(data: bytes, layout: Sequence[tensor_pb2.Tensor]) -> Arrays:
    """Splits the bytes of a policy into its arrays.

    Args:
        data: The arrays, one after the other, little-endian.
        layout: Their names, types and shapes.

    Returns:
        Read-only arrays by name; a bfloat16 becomes a float32.

    Raises:
        ValueError: The bytes do not fit the layout.
    """
    arrays, offset = {}, 0
    for entry in layout:
        count = math.prod(entry.shape) * item_bytes(entry.data_type)
        if offset + count > len(data):
            raise ValueError(f"the policy has {len(data)} bytes, too few for {entry.name!r} at {offset}")
        piece = tensor_pb2.Tensor(name=entry.name, data_type=entry.data_type, shape=entry.shape)
        piece.data = data[offset : offset + count]
        arrays[entry.name] = from_proto(piece)
        offset += count
    if offset != len(data):
        raise ValueError(f"the policy has {len(data)} bytes, its layout {offset}")
    return arrays
