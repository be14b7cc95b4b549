"""Advances simulated time: by requests (lockstep), or in a thread that follows the machine's clock."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from robot_daemon.hardware.timebase import RealTimebase
from serl_api.enums import Pacing
from simulator.physics.meeting import Meeting
from simulator.physics.physics import TIMESTEP_NS, Physics
from simulator.physics.stall import Stall

logger = logging.getLogger(__name__)

TICK_NS = 2 * TIMESTEP_NS
"""How often the real-time thread steps."""
MAX_LAG_NS = 100_000_000
"""Lag that the real-time thread makes up for; what lies further back is lost and time jumps."""
CHUNK_STEPS = 250
"""Steps between which a lockstep advance lets readers look at the state."""


class Agenda(Protocol):
    """Says what is due as simulated time passes. Called with the physics' lock held."""

    def steps_until_next(self, steps: int) -> int:
        """Returns how many of the next physics steps may pass at once; at least 1."""
        ...

    def time_passed(self) -> None:
        """Carries out what is due."""
        ...


class LockstepTimebase:
    """Advances simulated time when somebody waits, and at no other time.

    Where two cells share a scene, time passes only when both wait; see `Meeting`.

    The clock stands at whole physics steps. A time in between is rounded **up** to the next one, so afterwards
    `now_ns() >= time_ns` always holds; ticks at `start + k * period` keep their mean rate whatever the period.
    """

    def __init__(self, physics: Physics, stall: Stall, agenda: Agenda, meeting: Meeting | None = None) -> None:
        self._meeting = meeting
        self._physics = physics
        self._stall = stall
        self._agenda = agenda

    @property
    def pacing(self) -> Pacing:
        """Returns LOCKSTEP."""
        return Pacing.LOCKSTEP

    def now_ns(self) -> int:
        """Returns simulated time, ns."""
        return self._physics.time_ns

    def wait_until(self, time_ns: int) -> None:
        """Advances the physics to a time, rounded up to a whole step; returns at once when it has passed."""
        self._stall.wait_out()
        if self._meeting is None:
            self._advance(time_ns)
        else:
            self._meeting.wait_until(self, time_ns, self._advance)

    def _advance(self, time_ns: int) -> None:
        steps = steps_until(self._physics.time_ns, time_ns)
        while steps > 0:
            with self._physics.lock:
                chunk = self._agenda.steps_until_next(min(steps, CHUNK_STEPS))
                self._physics.advance(chunk)
                self._agenda.time_passed()
            steps -= chunk


class StallingTimebase(RealTimebase):
    """Follows the machine's monotonic clock, as a `SteppingThread` makes the physics do, and waits out stalls."""

    def __init__(self, stall: Stall) -> None:
        self._stall = stall

    def wait_until(self, time_ns: int) -> None:
        """Sleeps until a time and until nothing stalls any more."""
        super().wait_until(time_ns)
        self._stall.wait_out()


def steps_until(now_ns: int, time_ns: int) -> int:
    """Counts the physics steps from now to a time, the last one in full; 0 when it has passed."""
    return max(0, -((now_ns - time_ns) // TIMESTEP_NS))


class SteppingThread:
    """Keeps the physics at the machine's monotonic clock, by absolute deadlines; `on_failure` hears of a bug."""

    def __init__(self, physics: Physics, on_failure: Callable[[], None]) -> None:
        self._physics = physics
        self._on_failure = on_failure
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="physics", daemon=True)
        physics.set_time(time.monotonic_ns())
        self._thread.start()

    def close(self) -> None:
        """Ends the thread."""
        self._closing.set()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        try:
            deadline_ns = time.monotonic_ns()
            while not self._closing.wait(max(0.0, (deadline_ns - time.monotonic_ns()) * 1e-9)):
                self._catch_up()
                deadline_ns = max(deadline_ns + TICK_NS, time.monotonic_ns() - TICK_NS)
        except Exception:
            logger.exception("the physics thread met a bug; the simulated devices are silent from now on")
            self._on_failure()

    def _catch_up(self) -> None:
        now_ns = time.monotonic_ns()
        if now_ns - self._physics.time_ns > MAX_LAG_NS:
            logger.debug("the physics lags by more than %d ms; time jumps", MAX_LAG_NS // 1_000_000)
            self._physics.set_time(now_ns)
        steps = (now_ns - self._physics.time_ns) // TIMESTEP_NS
        if steps > 0:
            self._physics.advance(steps)
