"""One connection to an arm, from connecting to its loss, with the two threads that belong to it.

- The **owner** builds franky's Robot and issues every command and motion. franky's control thread inherits the priority
  of the thread that starts a motion, and libfranka changes that of the thread that connects: neither may be a thread of
  the daemon.
- The **loop** samples states, looks for faults and renews set-points. When it dies, the owner brings the arm to rest.

libfranka waits for the answer to a command without limit. A connection whose owner is overdue is therefore given up as
a whole, threads included, and another one is built.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import franky

from robot_daemon.devices import Load
from robot_daemon.drivers.franka.connecting import FRANKY_ERRORS, column_major, connect, sentence
from robot_daemon.drivers.franka.faults import (
    CONDITION_TEXTS,
    CONTROL_ABORTED,
    ERROR_NAMES,
    LOAD_REFUSED,
    STREAM_STALLED,
    USER_STOP,
    FaultMemory,
    condition_of,
    error_text,
)
from robot_daemon.drivers.franka.message_clock import MessageClock
from robot_daemon.drivers.franka.options import FrankaOptions
from robot_daemon.drivers.franka.samples import Sample, arm_state
from robot_daemon.drivers.franka.steering import Steering

logger = logging.getLogger(__name__)

WATCH_INTERVAL_S = 0.02
"""How often the owner looks after the motion."""
STALL_S = 0.25
"""Silence of the loop after which a motion may not run on."""
REST_TIME_S = 3.0
"""How long the arm may take to come to rest."""
RECOVERY_TIME_S = 15.0
"""How long a recovery may take; the arm moves back inside its limits."""
_MESSAGE_NS = 1_000_000


class Job:
    """Something that the owner is asked to do once."""

    def __init__(self, work: Callable[[franky.Robot], None], limit_s: float) -> None:
        self.work = work
        self.limit_s = limit_s
        self.error: Exception | None = None
        self._done = threading.Event()

    def finish(self, error: Exception | None) -> None:
        """It was done, or failed."""
        self.error = error
        self._done.set()

    def wait(self, timeout_s: float) -> bool:
        """Whether it was done without an error within a time."""
        return self._done.wait(timeout_s) and self.error is None


class Link:
    """A connection. It ends once, for good; `failure` says why.

    Args:
        options: What the cell's file says.
        now_ns: The cell's clock.
        faults: Hears what stops the arm.
        on_connected: Called by the owner with the new Robot; gives the steering of the arm.
        on_lost: Called once when an open connection has failed.
    """

    def __init__(
        self,
        options: FrankaOptions,
        now_ns: Callable[[], int],
        faults: FaultMemory,
        on_connected: Callable[[franky.Robot], Steering],
        on_lost: Callable[[Exception], None],
    ) -> None:
        self._options = options
        self._now_ns = now_ns
        self._faults = faults
        self._on_connected = on_connected
        self._on_lost = on_lost
        self._changed = threading.Condition()
        self._jobs: deque[Job] = deque()
        self._is_closing = False
        self._is_woken = False
        self._failure: Exception | None = None
        self._robot: franky.Robot | None = None
        self._steering: Steering | None = None
        self._sample: Sample | None = None
        self._clock = MessageClock()
        self._last_message = -1
        self._is_moving = False
        self._beat = 0.0
        self._stalls = 0
        self._deadline: tuple[str, float] | None = None
        self._opened = threading.Event()
        """Connected, or failed."""
        self._over = threading.Event()
        self._owner = threading.Thread(target=self._own, name="franka-owner", daemon=True)
        self._looper = threading.Thread(target=self._loop, name="franka-loop", daemon=True)
        self._looper.start()  # Before the owner, whose priority it must not inherit.
        self._owner.start()

    @property
    def sample(self) -> Sample | None:
        """Newest message of the arm; None before the first one and after the end."""
        return self._sample

    @property
    def failure(self) -> Exception | None:
        """Why the connection failed."""
        return self._failure

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._over.is_set()

    @property
    def overdue(self) -> str | None:
        """What the arm has not answered in time."""
        deadline = self._deadline
        return deadline[0] if deadline is not None and time.monotonic() > deadline[1] else None

    def wait_until_open(self, timeout_s: float) -> Exception | None:
        """Waits for the first message; returns why there is none, TimeoutError included, else None."""
        if not self._opened.wait(timeout_s):
            return TimeoutError(f"nothing within {timeout_s:g} s")
        return self._failure

    def wait_for_message(self, after_ns: int, timeout_s: float) -> Sample | None:
        """The first message that arrives after an instant; None when none does in time."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            sample = self._sample
            if sample is not None and sample.arrival_ns > after_ns:
                return sample
            if self._over.wait(0.002):
                return None
        return None

    def wake(self) -> None:
        """Lets the owner look at the steering."""
        with self._changed:
            self._is_woken = True
            self._changed.notify_all()

    def submit(self, work: Callable[[franky.Robot], None], limit_s: float) -> Job:
        """Asks the owner to do something; a job of a connection that ends is never done."""
        job = Job(work, limit_s)
        with self._changed:
            self._jobs.append(job)
            self._changed.notify_all()
        return job

    def recover(self) -> Job:
        """Clears the errors of an arm that a reflex has stopped."""

        def work(robot: franky.Robot) -> None:
            self._join(robot)
            if robot.state.robot_mode == franky.RobotMode.Reflex:
                robot.recover_from_errors()

        return self.submit(work, RECOVERY_TIME_S)

    def set_load(self, load: Load) -> Job:
        """Tells the arm what it carries. The arm takes that only at rest, so a motion pauses."""

        def work(robot: franky.Robot) -> None:
            self._settle(robot, forget=False)
            try:
                robot.set_load(load.mass, list(load.center_of_mass), column_major(load.inertia))
            except franky.CommandException as error:
                text = f"the arm refuses a load of {load.mass:g} kg ({sentence(error)}); give one that it can carry"
                self._faults.add(LOAD_REFUSED, text, critical=False)
            else:
                self._faults.drop((LOAD_REFUSED,))

        return self.submit(work, self._options.answer_timeout_s + REST_TIME_S)

    def close(self, timeout_s: float) -> bool:
        """Brings the arm to rest and lets go of it; returns whether that was done in time."""
        self.abandon()
        return self._over.wait(timeout_s)

    def abandon(self) -> None:
        """Ends the connection without waiting for it."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()

    # The owner's thread.

    def _own(self) -> None:
        error: Exception | None = None
        try:
            with self._answering("connecting", self._options.connect_timeout_s):
                robot = connect(self._options)
                self._steering = self._on_connected(robot)
            self._robot = robot
            self._opened.set()
            self._serve(robot)
        except Exception as caught:
            error = caught
            if not isinstance(caught, FRANKY_ERRORS):
                logger.exception("the owner of the arm met a bug")
        self._end(error)

    def _serve(self, robot: franky.Robot) -> None:
        while not self._is_closing:
            with self._changed:
                self._changed.wait_for(lambda: self._is_woken or self._jobs or self._is_closing, WATCH_INTERVAL_S)
                self._is_woken = False
                job = self._jobs.popleft() if self._jobs and not self._is_closing else None
            if self._failure is not None:
                raise self._failure
            self._look_after_motion(robot)
            if job is not None:
                self._do(robot, job)
            self._start_motion(robot)
        self._settle(robot, forget=True)

    def _do(self, robot: franky.Robot, job: Job) -> None:
        try:
            with self._answering("a command", job.limit_s):
                job.work(robot)
        except FRANKY_ERRORS as error:
            job.finish(error)
            if _is_loss(error):
                raise
            logger.warning("the arm refused a command: %s", sentence(error))
        else:
            job.finish(None)

    def _start_motion(self, robot: franky.Robot) -> None:
        steering, sample = self._steering, self._sample
        if steering is None or sample is None or self._faults.is_critical or not steering.is_due:
            return
        state = arm_state(sample)
        order = steering.order(state, self._now_ns())
        if order is None:
            return
        with self._answering("the start of a motion", self._options.answer_timeout_s):
            robot.move(order.motion, asynchronous=True)
        self._is_moving = True
        self._beat = time.monotonic()
        steering.started(order, state, self._now_ns())

    def _look_after_motion(self, robot: franky.Robot) -> None:
        """Notices a motion that has ended by itself, and a loop that no longer feeds one."""
        if not self._is_moving:
            return
        if not robot.is_in_control:
            self._join(robot)
            return
        silent = time.monotonic() - self._beat > STALL_S
        self._stalls = self._stalls + 1 if silent else 0
        if self._stalls >= 2:  # Twice, because a pause of the whole process ends for both threads at once.
            self._settle(robot, forget=True)
            text = "the driver's loop stood still, so the arm was brought to rest; look into the log, then recover"
            self._faults.add(STREAM_STALLED, text)
            raise RuntimeError("the driver's loop stood still")

    def _join(self, robot: franky.Robot) -> None:
        """Takes in why a motion has ended; does nothing while one runs."""
        if not self._is_moving or robot.is_in_control:
            return
        self._is_moving = False
        steering = self._steering
        if steering is not None:
            steering.ended(forget=True)
        try:
            robot.join_motion(self._options.answer_timeout_s)
        except franky.TorqueSignalTimeoutException:
            text = "torques for wrench control came too late, so it ended; free the processor, then recover"
            self._faults.add(STREAM_STALLED, text)
        except (franky.ControlException, franky.CommandException) as error:
            self._note_abort(error)

    def _note_abort(self, error: Exception) -> None:
        text = sentence(error)
        named = [name for name in ERROR_NAMES if f'"{name}"' in text.lower()]
        if "user stop" in text.lower():
            self._faults.add(USER_STOP, CONDITION_TEXTS[USER_STOP], clearable=False)
        elif named:
            for name in named:
                self._faults.add(name, error_text(name))
        else:
            self._faults.add(CONTROL_ABORTED, f"the arm ended its motion ({text}); recover")

    def _settle(self, robot: franky.Robot, *, forget: bool) -> None:
        """Brings the arm to rest and ends the motion."""
        if self._is_moving and robot.is_in_control:
            with self._answering("coming to rest", self._options.answer_timeout_s + REST_TIME_S):
                robot.move(franky.TorqueStopMotion(), asynchronous=True)
                if self._steering is not None:
                    self._steering.ended(forget=forget)
                while robot.is_in_control and not robot.join_motion(REST_TIME_S):
                    robot.stop()
                self._is_moving = False
        self._join(robot)

    def _end(self, error: Exception | None) -> None:
        was_open = self._robot is not None
        self._failure = self._failure or error
        self._sample = None
        self._robot = None
        self._deadline = None
        if self._steering is not None:
            self._steering.ended(forget=True)
        for job in tuple(self._jobs):
            job.finish(self._failure or RuntimeError("the connection was closed"))
        self._opened.set()
        self._over.set()
        if was_open and self._failure is not None and not self._is_closing:
            self._on_lost(self._failure)

    @contextmanager
    def _answering(self, what: str, limit_s: float) -> Iterator[None]:
        self._deadline = (what, time.monotonic() + limit_s)
        try:
            yield
        finally:
            self._deadline = None

    # The loop's thread.

    def _loop(self) -> None:
        self._opened.wait()
        robot = self._robot
        period_s = 1.0 / self._options.loop_rate_hz
        try:
            due = time.monotonic()
            while robot is not None and not self._over.is_set():
                self._take(robot, robot.state)
                due = max(due + period_s, time.monotonic() - period_s)
                time.sleep(max(0.0, due - time.monotonic()))
        except FRANKY_ERRORS as error:
            self._fail(error)
        except Exception:
            logger.exception("the loop of the arm met a bug")

    def _take(self, robot: franky.Robot, state: franky.RobotState) -> None:
        """Takes in a message, which may be one that was seen before."""
        now_ns = self._now_ns()
        message = state.time.to_msec()
        if message != self._last_message:
            self._last_message = message
            sent_ns = self._clock.arrived(message * _MESSAGE_NS, now_ns)
            self._sample = Sample(sent_ns, now_ns, state, robot.model)
            self._faults.note(condition_of(state))
        steering, sample = self._steering, self._sample
        if steering is not None and sample is not None and steering.law is not None:
            steering.renew(arm_state(sample), now_ns)
        self._beat = time.monotonic()

    def _fail(self, error: Exception) -> None:
        with self._changed:
            self._failure = self._failure or error
            self._sample = None
            self._is_woken = True
            self._changed.notify_all()


def _is_loss(error: Exception) -> bool:
    """Whether an error of libfranka means that the connection is gone."""
    is_plain = type(error) is RuntimeError
    return is_plain or isinstance(error, franky.NetworkException | franky.ProtocolException)
