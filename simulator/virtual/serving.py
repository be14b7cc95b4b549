"""Serves a virtual device from the command line until a signal, and obeys typed lines."""

import os
import select
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self, TypeAlias

from serl_api.lifetime.closing import ClosedOnExit
from serl_api.lifetime.ready_file import announced
from serl_api.lifetime.stop_signal import StopSignal

Action: TypeAlias = Callable[[str], None]
"""What a typed word does with the rest of its line. Raises ValueError with what is wrong."""


class Device(ClosedOnExit):
    """Answers between `start` and `close`, or inside a `with` block."""

    def start(self) -> None:
        """Begins to answer. Raises OSError when the address cannot be served."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self.start()
        return self


def serve_until_signal(
    device: Device, address: Callable[[], str], actions: Mapping[str, Action], ready_file: Path | None = None
) -> None:
    """Serves until SIGINT or SIGTERM. Must be called by the main thread.

    Args:
        device: Not yet started.
        address: What clients connect to, once it is started; printed.
        actions: What may be typed, by its first word.
        ready_file: Gets the address, atomically, once clients are answered; removed at the end.

    Raises:
        OSError: The address cannot be served.
    """
    reader, writer = os.pipe()

    def wake() -> None:
        os.write(writer, b"x")

    try:
        with StopSignal() as stop:
            stop.on_stop(wake)
            device.start()
            try:
                sys.stdout.write(f"{address()}\n")
                sys.stdout.flush()
                with announced(ready_file, address()):
                    _obey_until_stopped(stop, reader, actions)
            finally:
                device.close()
    finally:
        os.close(reader)
        os.close(writer)


def _obey_until_stopped(stop: StopSignal, wakes: int, actions: Mapping[str, Action]) -> None:
    typed = Typed(actions)
    while not stop.is_set():
        ready, _, _ = select.select([wakes, *typed.sources], [], [])
        if typed.sources and typed.sources[0] in ready:
            typed.read()


class Typed:
    """Reads lines from the standard input, while this is no background job."""

    def __init__(self, actions: Mapping[str, Action]) -> None:
        self._actions = actions
        self._rest = b""
        self.sources = [sys.stdin.fileno()] if sys.stdin is not None else []
        """What to wait for; empty after the end of the input."""

    def read(self) -> None:
        """Takes what is there and obeys whole lines."""
        if not _is_in_foreground(self.sources[0]):  # What is typed is meant for the shell; to read it would suspend us.
            self.sources = []
            return
        data = os.read(self.sources[0], 4096)
        if not data:
            self.sources = []
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._obey(line.decode(errors="replace").strip())

    def _obey(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if not word:
            return
        try:
            if word not in self._actions:
                raise ValueError(f"{word} is not known; known: {', '.join(self._actions)}")
            self._actions[word](rest.strip())
        except ValueError as error:
            sys.stderr.write(f"{error}\n")


def _is_in_foreground(descriptor: int) -> bool:
    return not os.isatty(descriptor) or os.tcgetpgrp(descriptor) == os.getpgrp()
