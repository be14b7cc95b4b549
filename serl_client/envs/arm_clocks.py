"""States by how much two arms are observed apart in time, and keeps the difference small."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from serl_api.enums import Pacing
from serl_api.values import Observation
from serl_client.connection.clock import ClockOffset
from serl_client.envs.sides import SIDES
from serl_client.errors import ClockError
from serl_client.robot import RobotClient

MAX_DRIFT = 1e-3
"""Seconds a second by which a daemon's clock may run off from the client's; crystals differ by a twentieth of it."""
IGNORED_SKEW_NS = 1_000_000
"""Skew that nothing is done about."""


@dataclass(frozen=True, kw_only=True)
class _Reading:
    boot_id: str
    offset: ClockOffset
    taken_ns: int


class ArmClocks:
    """Maps the clocks of two daemons to the client's.

    A simulator in lockstep has no clock of its own to be read: there both times count from the episode's beginning.

    Args:
        clients: Of the left and the right daemon.
        now_ns: The client's monotonic clock.
    """

    def __init__(self, clients: Sequence[RobotClient], *, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._clients = tuple(clients)
        self._now_ns = now_ns
        self._readings: dict[str, _Reading] = {}
        self._zeros_ns = [0] * len(self._clients)
        self.uncertainty_ns = 0
        """By how much a stated skew may be wrong, ns; 0 in lockstep."""

    def begin_episode(self, observations: Sequence[Observation]) -> None:
        """Reads the clocks, or in lockstep the first observations.

        Raises:
            ClockError: A daemon's clock has jumped, or runs off.
        """
        if self._clients[0].info.pacing is Pacing.LOCKSTEP:
            self._zeros_ns = [observation.reference_time_ns for observation in observations]
            return
        readings = [self._read(side, client) for side, client in zip(SIDES, self._clients, strict=True)]
        self._zeros_ns = [reading.offset.offset_ns for reading in readings]
        self.uncertainty_ns = sum(reading.offset.round_trip_ns for reading in readings) // 2

    def skew_ns(self, observations: Sequence[Observation]) -> int:
        """Returns by how much the left arm was observed later than the right one, ns."""
        times = [
            observation.reference_time_ns - zero for observation, zero in zip(observations, self._zeros_ns, strict=True)
        ]
        return times[0] - times[1]

    def corrections_s(self, skew_ns: int, longest_s: float) -> tuple[float, float]:
        """Returns how much longer the left and the right arm's next period lasts, s, so that their ticks meet again."""
        if self._clients[0].info.pacing is Pacing.LOCKSTEP or abs(skew_ns) <= IGNORED_SKEW_NS + self.uncertainty_ns:
            return 0.0, 0.0
        wait_s = min(abs(skew_ns) * 1e-9, longest_s)
        return (0.0, wait_s) if skew_ns > 0 else (wait_s, 0.0)

    def _read(self, side: str, client: RobotClient) -> _Reading:
        reading = _Reading(boot_id=client.info.boot_id, offset=client.sync_time(), taken_ns=self._now_ns())
        last, self._readings[side] = self._readings.get(side), reading
        if last is not None and last.boot_id == reading.boot_id:
            _require_steady(side, last, reading)
        return reading


def _require_steady(side: str, last: _Reading, reading: _Reading) -> None:
    moved_ns = abs(reading.offset.offset_ns - last.offset.offset_ns)
    elapsed_ns = reading.taken_ns - last.taken_ns
    bound_ns = MAX_DRIFT * elapsed_ns + (reading.offset.round_trip_ns + last.offset.round_trip_ns) / 2
    if moved_ns > bound_ns:
        raise ClockError(
            f"the clock of the {side} arm's daemon moved by {moved_ns * 1e-6:.1f} ms against this machine's in "
            f"{elapsed_ns * 1e-9:.1f} s, more than {bound_ns * 1e-6:.1f} ms; see what suspends or slews one of them, "
            "then reset"
        )
