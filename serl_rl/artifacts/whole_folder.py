"""Writes a folder so that it is there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Makes a folder of the files that a block writes; one that is there already makes way at the very end.

    Yields:
        Folder to write into.

    Raises:
        OSError: The disk is full or read-only; what was there before is untouched.
    """
    temporary = path.with_name(f".{path.name}.partial")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    for file in temporary.rglob("*"):
        _sync(file)
    _sync(temporary)
    _replace(temporary, path)
    _sync(path.parent)


def _replace(temporary: Path, path: Path) -> None:
    """Renames so that the old folder or the new one is always whole."""
    if path.exists():
        old = path.with_name(f".{path.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        os.rename(path, old)
        os.rename(temporary, path)
        shutil.rmtree(old, ignore_errors=True)
    else:
        os.rename(temporary, path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
