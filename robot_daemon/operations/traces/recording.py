"""Implements `robot-daemon record-trace`: listens until a signal or for a time, and says how it went."""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from robot_daemon.operations.traces.trace_file import Direction, TraceError, TraceWriter
from robot_daemon.operations.traces.wire import Wire
from serl_api.lifetime.stop_signal import StopSignal
from serl_api.progress import Progress

_LISTEN_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """Says what was recorded."""

    states: int
    commands: int
    lost_states: int
    """Numbers of states that never came."""


def record_trace(host: str, path: Path, stop: StopSignal, *, seconds: float = 0.0, card: str = "") -> Recorded:
    """Records what an arm and its client say, while another program, such as the daemon, controls the arm.

    Args:
        host: Name or IPv4 address of the arm.
        path: The trace, which must not exist.
        stop: Ends it.
        seconds: How long to record, s; 0 is until `stop`.
        card: Network card to listen to; empty for all.

    Raises:
        TraceError: The file cannot be written, or nobody may listen; one sentence.
    """
    try:
        address = socket.gethostbyname(host)
    except OSError:
        raise TraceError(f'the name "{host}" is unknown; give the address of the arm, such as 172.16.0.2') from None
    facts = {"host": address, "protocol": "FCI server version 10", "began_ns": time.time_ns()}
    counts, numbers = dict.fromkeys(Direction, 0), _Numbers()
    with Wire(address, card) as wire, TraceWriter(path, facts) as writer, Progress().phase("recording") as phase:
        phase.report(note=lambda: f"{counts[Direction.STATE]} states, {counts[Direction.COMMAND]} commands")
        is_over = _clock(seconds)
        while not stop.is_set() and not is_over():
            datagram = wire.hear(_LISTEN_S)
            if datagram is not None:
                writer.add(datagram)
                counts[datagram.direction] += 1
                if datagram.direction is Direction.STATE:
                    numbers.take(int.from_bytes(datagram.payload[:8], "little"))
    return Recorded(states=counts[Direction.STATE], commands=counts[Direction.COMMAND], lost_states=numbers.lost)


class _Numbers:
    """Counts what is missing between the numbers of states; a smaller one is another connection's."""

    def __init__(self) -> None:
        self.lost = 0
        self._last: int | None = None

    def take(self, number: int) -> None:
        """Takes in the next number."""
        if self._last is not None and number > self._last:
            self.lost += number - self._last - 1
        self._last = number


def _clock(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: seconds > 0.0 and time.monotonic() >= end
