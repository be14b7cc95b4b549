"""Samples an arm's states some hundred times a second, looks for faults in them and renews set-points."""

import logging
import threading
import time
import traceback
from collections.abc import Callable

import franky

from robot_daemon.drivers.franka.connecting import FRANKY_ERRORS
from robot_daemon.drivers.franka.faults import FaultMemory, condition_of
from robot_daemon.drivers.franka.samples import MessageClock, Sample, arm_state
from robot_daemon.drivers.franka.steering import Steering

logger = logging.getLogger(__name__)

_MESSAGE_NS = 1_000_000
"""Messages are numbered by milliseconds."""


class LoopError(Exception):
    """Raised when the loop died by itself; the connection may be fine."""


class StateLoop:
    """Runs the loop of one connection, in a thread of its own.

    While no motion runs, franky waits up to a millisecond for a message; a thread of the daemon must not. It is
    therefore this thread alone that asks for states.

    Args:
        rate_hz: Turns a second.
        now_ns: The cell's clock.
        faults: Hears what the states say.
        on_failure: Called by the thread, at most once, with the error of the connection.
    """

    def __init__(
        self,
        rate_hz: float,
        now_ns: Callable[[], int],
        faults: FaultMemory,
        on_failure: Callable[[Exception], None],
    ) -> None:
        self._period_s = 1.0 / rate_hz
        self._now_ns = now_ns
        self._faults = faults
        self._on_failure = on_failure
        self._clock = MessageClock()
        self._last_message = -1
        self._connected: tuple[franky.Robot, Steering] | None = None
        self._began = threading.Event()
        self._ending = threading.Event()
        self.sample: Sample | None = None
        """Newest message; None before the first one and after the end."""
        self.beat = 0.0
        """Monotonic time of the last turn, s."""
        self._thread = threading.Thread(target=self._run, name="franka-loop", daemon=True)
        self._thread.start()

    def begin(self, robot: franky.Robot, steering: Steering) -> None:
        """Lets the thread run. It exists before, so that it does not inherit the priority of the one that connects."""
        self._connected = (robot, steering)
        self._began.set()

    def end(self) -> None:
        """Lets the thread end and forget the arm: whoever keeps the Robot keeps the connection."""
        self._ending.set()
        self._began.set()
        self._connected = self.sample = None

    def join(self, timeout_s: float) -> None:
        """Waits for the thread's end. Not for the thread itself."""
        self._thread.join(timeout_s)

    def wait_for_message(self, after_ns: int, timeout_s: float) -> Sample | None:
        """Waits for the first message that arrives after an instant; None when none does in time."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            sample = self.sample
            if sample is not None and sample.arrival_ns > after_ns:
                return sample
            if self._ending.wait(0.002):
                return None
        return None

    def _run(self) -> None:
        self._began.wait()
        connected = self._connected
        if connected is None:
            return
        try:
            self._turn_until_end(*connected)
        except FRANKY_ERRORS as error:
            self._on_failure(error)
        except Exception:  # noqa: BLE001 - logged, and the end of the thread.
            # As text: a traceback that somebody keeps would keep the Robot, and with it the connection.
            logger.error("the loop of the arm met a bug\n%s", traceback.format_exc())
            self._on_failure(LoopError("the driver's loop failed"))
        finally:
            self.sample = None

    def _turn_until_end(self, robot: franky.Robot, steering: Steering) -> None:
        due = time.monotonic()
        while not self._ending.is_set():
            self._turn(robot, steering)
            self.beat = now = time.monotonic()
            due = max(due + self._period_s, now - self._period_s)
            time.sleep(max(0.0, due - now))

    def _turn(self, robot: franky.Robot, steering: Steering) -> None:
        state = robot.state  # While a motion runs: the last one that arrived, perhaps seen before.
        now_ns = self._now_ns()
        message = state.time.to_msec()
        if message != self._last_message:
            self._last_message = message
            sent_ns = self._clock.arrived(message * _MESSAGE_NS, now_ns)
            self.sample = Sample(sent_ns, now_ns, state, robot.model)
            self._faults.note(condition_of(state))
        sample = self.sample
        if sample is not None and steering.law is not None:
            steering.renew(arm_state(sample), now_ns)
