"""Manages one connection to an arm, from connecting to its loss.

Its owner, a thread, builds franky's Robot and issues every command and motion; no other thread does. libfranka waits
for the answer to a command without limit: a connection whose owner is overdue is given up as a whole, threads included,
and another one is built.
"""

import logging
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import franky

from robot_daemon.drivers.franka.connecting import FRANKY_ERRORS, column_major, connect, is_loss, sentence
from robot_daemon.drivers.franka.faults import LOAD_REFUSED, REFLEX, FaultMemory
from robot_daemon.drivers.franka.loop import LoopError, StateLoop
from robot_daemon.drivers.franka.motion_runner import MotionRunner
from robot_daemon.drivers.franka.options import FrankaOptions
from robot_daemon.drivers.franka.steering import Steering
from robot_daemon.hardware.devices import DeviceConnectError
from serl_api.values import Load

logger = logging.getLogger(__name__)

WATCH_INTERVAL_S = 0.02
"""How often the owner looks after the motion."""
_LOOP_TIME_S = 2.0  # A state takes a second at most: libfranka's timeout.
_RECOVERY_TIME_S = 15.0  # For the arm to move back inside its limits.

Work: TypeAlias = Callable[[franky.Robot, MotionRunner], None]


@dataclass(eq=False)
class Job:
    """Represents something that the connection's owner is asked to do once."""

    work: Work
    limit_s: float
    has_succeeded: bool = False
    done: threading.Event = field(default_factory=threading.Event)

    def finish(self, *, succeeded: bool) -> None:
        """Marks the job as done, or as failed."""
        self.has_succeeded = succeeded
        self.done.set()


class Link:
    """Manages a connection. It ends once, for good.

    Args:
        options: What the cell's file says.
        now_ns: The cell's clock.
        faults: Hears what stops the arm.
        on_connected: Called by the owner with the new Robot; gives the steering of the arm.
        on_lost: Called once by the owner when an open connection has failed.
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
        self._steering: Steering | None = None
        self._deadline: tuple[str, float] | None = None
        self._opened = threading.Event()  # Connected, or failed.
        self._over = threading.Event()
        self.loop = StateLoop(options.loop_rate_hz, now_ns, faults, self._fail)
        """Samples the states."""
        threading.Thread(target=self._own, name="franka-owner", daemon=True).start()

    @property
    def is_over(self) -> bool:
        """Returns whether the connection has ended."""
        return self._over.is_set()

    @property
    def overdue(self) -> str | None:
        """Names what the arm has not answered in time."""
        deadline = self._deadline
        return deadline[0] if deadline is not None and time.monotonic() > deadline[1] else None

    def wait_until_open(self, timeout_s: float) -> Exception | None:
        """Waits for the connection; returns why there is none, TimeoutError included, else None."""
        if not self._opened.wait(timeout_s):
            return TimeoutError(f"nothing within {timeout_s:g} s")
        return self._failure

    def wake(self) -> None:
        """Wakes the owner, so that it looks at the steering."""
        with self._changed:
            self._is_woken = True
            self._changed.notify_all()

    def recover(self) -> bool:
        """Clears the errors of an arm that a reflex has stopped; returns whether that was done in time."""

        def work(robot: franky.Robot, runner: MotionRunner) -> None:
            runner.take_in_end()
            if robot.state.robot_mode == franky.RobotMode.Reflex:
                robot.recover_from_errors()

        job = self._submit(work, _RECOVERY_TIME_S)
        return job.done.wait(_RECOVERY_TIME_S) and job.has_succeeded

    def set_load(self, load: Load) -> None:
        """Sends the arm the load that it carries. The arm takes that only at rest, so a motion pauses."""

        def work(robot: franky.Robot, runner: MotionRunner) -> None:
            runner.settle(forget=False)
            try:
                robot.set_load(load.mass, list(load.center_of_mass), column_major(load.inertia))
            except franky.CommandException as error:
                text = f"the arm refuses a load of {load.mass:g} kg ({sentence(error)}); give one that it can carry"
                self._faults.add(LOAD_REFUSED, text, critical=False)
            else:
                self._faults.drop((LOAD_REFUSED,))

        self._submit(work, self._options.command_deadline_s)

    def give_up(self) -> None:
        """Ends the connection without waiting for it; the owner brings the arm to rest if it ever can."""
        self.loop.end()
        self._ask_to_end()

    def _ask_to_end(self) -> None:
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()

    def close(self, timeout_s: float) -> bool:
        """Brings the arm to rest and lets go of it; returns whether that was done in time."""
        self._ask_to_end()
        return self._over.wait(timeout_s)

    def _note_recovery(self, refused: str) -> None:
        text = f"the arm stood in a reflex and refused to be set up ({refused}), so the reflex was cleared to connect"
        self._faults.add(REFLEX, f"{text}; look at the arm, then recover")

    def _submit(self, work: Work, limit_s: float) -> Job:
        job = Job(work, limit_s)
        with self._changed:
            if self._is_closing or self._over.is_set():
                job.finish(succeeded=False)
            else:
                self._jobs.append(job)
                self._changed.notify_all()
        return job

    def _fail(self, error: Exception) -> None:
        error.__traceback__ = error.__context__ = None  # Frames would keep the Robot, and with it the connection.
        with self._changed:
            self._failure = self._failure or error
            self._is_woken = True
            self._changed.notify_all()

    def _own(self) -> None:
        """Runs the owner's thread."""
        try:
            self._open_and_serve()
        except (*FRANKY_ERRORS, LoopError, DeviceConnectError) as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - logged, and the end of the thread.
            logger.error("the owner of the arm met a bug\n%s", traceback.format_exc())
            self._fail(error)
        self._end()

    def _open_and_serve(self) -> None:
        with self._answering("the connection", self._options.connect_timeout_s):
            robot = connect(self._options, self._note_recovery)
            self._steering = steering = self._on_connected(robot)
        self.loop.begin(robot, steering)
        self._opened.set()
        answering = self._answering
        runner = MotionRunner(robot, steering, self.loop, self._faults, self._options, self._now_ns, answering)
        self._serve(robot, runner)

    def _serve(self, robot: franky.Robot, runner: MotionRunner) -> None:
        while not self._is_closing:
            with self._changed:
                self._changed.wait_for(lambda: self._is_woken or self._jobs or self._is_closing, WATCH_INTERVAL_S)
                self._is_woken = False
                job = self._jobs.popleft() if self._jobs and not self._is_closing else None
            if self._failure is not None:
                if isinstance(self._failure, LoopError):
                    runner.stop_unfed()
                raise self._failure
            runner.look_after()
            runner.rest_when_idle()
            if job is not None:
                self._do(job, robot, runner)
            runner.start()
        runner.settle(forget=True)

    def _do(self, job: Job, robot: franky.Robot, runner: MotionRunner) -> None:
        try:
            with self._answering("a command", job.limit_s):
                job.work(robot, runner)
        except FRANKY_ERRORS as error:
            job.finish(succeeded=False)
            if is_loss(error):
                raise
            logger.warning("the arm refused a command: %s", sentence(error))
        else:
            job.finish(succeeded=True)

    def _end(self) -> None:
        was_open = self._steering is not None
        self.loop.end()
        self.loop.join(_LOOP_TIME_S)
        if self._steering is not None:
            self._steering.ended(forget=True)
        with self._changed:
            self._over.set()
            for job in self._jobs:
                job.finish(succeeded=False)
        self._opened.set()
        if was_open and self._failure is not None and not self._is_closing:
            self._on_lost(self._failure)

    @contextmanager
    def _answering(self, what: str, limit_s: float) -> Iterator[None]:
        """Marks the time in which libfranka may be waiting for the arm; see `overdue`."""
        outer, began = self._deadline, time.monotonic()
        self._deadline = (what, began + limit_s)
        try:
            yield
        finally:
            elapsed = time.monotonic() - began
            self._deadline = None if outer is None else (outer[0], outer[1] + elapsed)
