"""Maps the daemon's monotonic clock to the client's: the exchange with the smallest round trip gives the offset."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TimeExchange:
    """Holds the four stamps of one exchange, in ns."""

    client_send_ns: int
    """Client's clock when it sent."""
    daemon_receive_ns: int
    """Daemon's clock on receipt."""
    daemon_send_ns: int
    """Daemon's clock just before its answer."""
    client_receive_ns: int
    """Client's clock on receipt."""

    @property
    def round_trip_ns(self) -> int:
        """Returns the time on the way, without the daemon's own."""
        return (self.client_receive_ns - self.client_send_ns) - (self.daemon_send_ns - self.daemon_receive_ns)

    @property
    def offset_ns(self) -> int:
        """Returns the daemon's clock minus the client's; off by at most half the round trip."""
        there = self.daemon_receive_ns - self.client_send_ns
        back = self.daemon_send_ns - self.client_receive_ns
        return (there + back) // 2


@dataclass(frozen=True, kw_only=True)
class ClockOffset:
    """Relates two clocks."""

    offset_ns: int
    """Daemon's monotonic clock minus the client's."""
    round_trip_ns: int
    """Round trip of the exchange it was taken from; the error is at most half of it."""

    def to_client_ns(self, daemon_ns: int) -> int:
        """Converts a daemon's instant to the client's `time.monotonic_ns`."""
        return daemon_ns - self.offset_ns

    def to_daemon_ns(self, client_ns: int) -> int:
        """Converts an instant of the client's `time.monotonic_ns` to the daemon's clock."""
        return client_ns + self.offset_ns


def best_offset(exchanges: Iterable[TimeExchange]) -> ClockOffset:
    """Returns the offset of the exchange with the smallest round trip.

    Raises:
        ValueError: There is no exchange.
    """
    best = min(exchanges, key=lambda exchange: exchange.round_trip_ns)
    return ClockOffset(offset_ns=best.offset_ns, round_trip_ns=best.round_trip_ns)
