"""Reads a device's reports in a thread of its own: the newest state wins, an unplugged device is awaited."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from serl_api.errors.robot import DeviceUnavailableError
from serl_client.teleop.devices.controls import Controls

_READ_BYTES = 64
_READ_TIMEOUT_MS = 100
_RETRY_S = 0.5


class ReportSource(Protocol):
    """Reads an open device."""

    def read(self, max_bytes: int, timeout_ms: int) -> Sequence[int]:
        """Returns one report; empty when none came in time.

        Raises:
            OSError: The device is gone.
        """
        ...

    def close(self) -> None:
        """Closes it."""
        ...


ReportParser: TypeAlias = Callable[[Controls, bytes], Controls]
"""Takes the state and a report, gives the new state; pure."""


@dataclass(frozen=True)
class Reading:
    """Holds the newest state."""

    controls: Controls
    """State of the controls; at rest while the device is missing."""
    time: float
    """When the newest report came, s, monotonic; 0 before the first."""
    fault: str
    """Why the device does not deliver; empty while it does."""


class ReportReader:
    """Reads one device in a thread, and opens it again after it was unplugged. `newest` never waits.

    Args:
        open_source: Opens the device.
        parse: Understands its reports.
        at_rest: State before the first report, and while the device is missing.
        name: What a fault calls the device.
        clock: Seconds, monotonic.
        retry_s: Time between two attempts to open a device that is missing, s.

    Raises:
        DeviceUnavailableError: It cannot be opened now; with the way out.
    """

    def __init__(
        self,
        open_source: Callable[[], ReportSource],
        parse: ReportParser,
        at_rest: Controls,
        *,
        name: str,
        clock: Callable[[], float] = time.monotonic,
        retry_s: float = _RETRY_S,
    ) -> None:
        self.name = name
        self._open_source = open_source
        self._parse = parse
        self._at_rest = at_rest
        self._clock = clock
        self._retry_s = retry_s
        self._stopped = threading.Event()
        source = open_source()
        self.newest = Reading(at_rest, 0.0, "")
        """Newest state; older ones are dropped."""
        self._thread = threading.Thread(target=self._run, args=(source,), name=f"reader of {name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread and closes the device. Safe to repeat."""
        self._stopped.set()
        self._thread.join()

    def _run(self, source: ReportSource | None) -> None:
        while source is not None:
            try:
                self._follow(source)
            except OSError as error:
                self._lose(error)
            finally:
                source.close()
            source = self._await_return()

    def _follow(self, source: ReportSource) -> None:
        """Reads until the device is gone or the reader is closed."""
        while not self._stopped.is_set():
            report = bytes(source.read(_READ_BYTES, _READ_TIMEOUT_MS))
            if report:
                self.newest = Reading(self._parse(self.newest.controls, report), self._clock(), "")

    def _lose(self, error: OSError) -> None:
        fault = f"{self.name} was unplugged ({error}); it asks for nothing until it is plugged in again"
        self.newest = Reading(self._at_rest, self.newest.time, fault)

    def _await_return(self) -> ReportSource | None:
        """Opens the device again; returns None once the reader is closed."""
        while not self._stopped.wait(self._retry_s):
            try:
                source = self._open_source()
            except DeviceUnavailableError:
                continue
            self.newest = Reading(self._at_rest, self.newest.time, "")
            return source
        return None
