"""Writes files that are there whole or not at all, also after a loss of power."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def written_whole(path: Path, mode: int | None = None) -> Iterator[BinaryIO]:
    """Opens a hidden file that takes a path's place when the block ends well, and is removed when it does not.

    Args:
        path: The file; what was there before stays until then.
        mode: Its permissions; None leaves them to the system.

    Raises:
        OSError: The disk is full or may not be written; it names the file.
    """
    scratch = path.with_name(f".{path.name}.partial")
    try:
        with scratch.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            scratch.chmod(mode)
        scratch.replace(path)
    except BaseException as error:
        if isinstance(error, OSError) and error.filename is None:  # Writing does not say of which file it was.
            error.filename = str(path)
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
