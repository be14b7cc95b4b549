"""Maps arrays of one entry a row into files, and claims the disk space of rows before they are written."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from serl_rl.replay.errors import ReplayStorageError

# Disk space is claimed in steps of about this size, so that a full disk is an error.
_RESERVED_BYTES = 16 * 1024 * 1024


def map_array(
    directory: Path | None, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], *, is_whole: bool = False
) -> np.ndarray:
    """Maps a file of an array, which is made or brought to size; without a folder the array lies in memory.

    Args:
        directory: Folder of the file.
        name: Of the file, without its ending.
        shape: Of the array.
        dtype: Of its entries.
        is_whole: Whether all disk space is claimed at once, for what no `DiskSpace` claims before it is touched: in
            some places even reading from a mapped hole of a full disk kills the process.

    Raises:
        ReplayStorageError: The disk is full.
    """
    if directory is None:
        return np.zeros(shape, dtype)
    path = directory / f"{name}.bin"
    with path.open("ab") as file:
        file.truncate(math.prod(shape) * dtype.itemsize)
    if is_whole:
        _reserve_file(path, math.prod(shape) * dtype.itemsize)
    return np.memmap(path, dtype=dtype, mode="r+", shape=shape).view(np.ndarray)


class DiskSpace:
    """Claims disk space for mapped arrays: writing to a mapped hole of a full disk would kill the process.

    Args:
        directory: Folder of the files; None for arrays in memory, which need nothing.
        arrays: Arrays by name, all of as many rows.
    """

    def __init__(self, directory: Path | None, arrays: Mapping[str, np.ndarray]) -> None:
        self._directory = directory
        self._row_bytes = {name: array.strides[0] for name, array in arrays.items()}  # Without a look.
        self._capacity = len(next(iter(arrays.values())))
        self._rows = 0

    def reserve(self, rows: int) -> None:
        """Claims the space of the first rows.

        Raises:
            ReplayStorageError: The disk is full.
        """
        rows = min(rows, self._capacity)
        if self._directory is None or rows <= self._rows:
            return
        target = min(self._capacity, rows + _RESERVED_BYTES // sum(self._row_bytes.values()))
        for name, row_bytes in self._row_bytes.items():
            _reserve_file(self._directory / f"{name}.bin", target * row_bytes)
        self._rows = target


def _reserve_file(path: Path, size: int) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise ReplayStorageError(f"{path} cannot grow to {size} bytes: {reason}; free disk space and go on") from error
    finally:
        os.close(descriptor)
