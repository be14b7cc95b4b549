"""Converts NumPy arrays to columns of Arrow tables, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serl_rl.datasets.libraries import library
from serl_rl.datasets.pictures import from_packed, to_png
from serl_rl.errors import DatasetError


def to_arrow(array: NDArray[Any]) -> Any:  # noqa: ANN401 - pyarrow has no types.
    """Converts an array of N rows; rows with more than one number become lists of fixed size.

    Args:
        array: Shape (N, ...).
    """
    pa = library("pyarrow")
    sizes = [] if array.shape[1:] == (1,) else list(array.shape[1:])
    column = pa.array(np.ascontiguousarray(array).reshape(-1))
    for size in reversed(sizes):
        column = pa.FixedSizeListArray.from_arrays(column, size)
    return column


def images_to_arrow(images: NDArray[np.uint8]) -> Any:  # noqa: ANN401 - pyarrow has no types.
    """Packs pictures as PNG, as LeRobot keeps them in a table.

    Args:
        images: Shape (N, height, width, 3).
    """
    pa = library("pyarrow")
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    return pa.array([{"bytes": to_png(image), "path": None} for image in images], kind)


def to_numpy(column: Any, shape: tuple[int, ...], dtype: str, where: str) -> NDArray[Any]:  # noqa: ANN401 - pyarrow's.
    """Converts a column to an array of shape (N, *shape).

    Raises:
        DatasetError: Rows have other sizes, are missing, or are no numbers.
    """
    pa = library("pyarrow")
    values = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(values, pa.ChunkedArray):
        values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], values.type)
    count = len(values)
    while isinstance(values, pa.BaseExtensionType) or hasattr(values, "storage"):
        values = values.storage
    while pa.types.is_nested(values.type):
        if values.null_count or not hasattr(values, "flatten") or pa.types.is_struct(values.type):
            raise DatasetError(f"{where} has rows without values; fetch the data set anew")
        values = values.flatten()
    if values.null_count:
        raise DatasetError(f"{where} has rows without values; fetch the data set anew")
    if len(values) != count * math.prod(shape):
        raise DatasetError(f"{where} has rows of other sizes than {shape}, which info.json says; fetch it anew")
    try:
        numbers = np.asarray(values.to_numpy(zero_copy_only=False))
        return numbers.astype(np.dtype(dtype), copy=False).reshape(count, *shape)
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{where} is no column of {dtype} ({error})") from None


def to_images(column: Any, shape: tuple[int, ...], where: str) -> NDArray[np.uint8]:  # noqa: ANN401 - pyarrow's.
    """Unpacks a column of packed pictures to shape (N, height, width, 3).

    Raises:
        DatasetError: One is damaged, elsewhere, or of another size.
    """
    images = []
    for entry in column.to_pylist():
        if not isinstance(entry, Mapping) or not isinstance(entry.get("bytes"), bytes):
            raise DatasetError(f"{where} has pictures in files of their own; only pictures within the table are read")
        image = from_packed(entry["bytes"], where)
        if image.shape != shape:
            raise DatasetError(f"{where} has a picture of {image.shape}, but info.json says {shape}; fetch it anew")
        images.append(image)
    return np.stack(images) if images else np.zeros((0, *shape), np.uint8)
