"""Keeps a stream writable when nobody reads it any more."""

from __future__ import annotations

import os
from typing import Any, TextIO


class BrokenPipeSafeStream:
    """Wraps a text stream: once it cannot be written any more, what comes is thrown away instead of raising.

    With `serl-train demo 2>&1 | tee run.log`, Ctrl-C ends `tee` as well; a lost connection takes the terminal away.
    Hours of training must still be saved.

    Args:
        stream: A stream with a file descriptor. The descriptor is turned to the null device.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes to the stream."""
        try:
            return self._stream.write(text)
        except OSError:
            self._discard()
            return len(text)

    def flush(self) -> None:
        """Flushes the stream."""
        try:
            self._stream.flush()
        except OSError:
            self._discard()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has.
        return getattr(self._stream, name)

    def _discard(self) -> None:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self._stream.fileno())
        os.close(null)
