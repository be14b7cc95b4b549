"""Writes ready files, by which a process tells others that it answers, and where."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def write_ready_file(path: Path, text: str) -> None:
    """Writes a line so that a reader sees the file whole or not at all; its folder must exist."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(f"{text}\n", encoding="utf-8")
    scratch.replace(path)


@contextlib.contextmanager
def announced(path: Path | None, text: str) -> Iterator[None]:
    """Keeps a ready file, if one is asked for, while the context lasts."""
    if path is None:
        yield
        return
    write_ready_file(path, text)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
