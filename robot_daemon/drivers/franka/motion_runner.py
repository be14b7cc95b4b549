"""Starts the motion that the steering asks for, notices why one has ended, and brings the arm to rest.

Everything here is called by the owner of a connection, and by nobody else.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import franky

from robot_daemon.drivers.franka.connecting import sentence
from robot_daemon.drivers.franka.faults import (
    CONDITION_TEXTS,
    CONTROL_ABORTED,
    ERROR_NAMES,
    STREAM_STALLED,
    USER_STOP,
    FaultMemory,
    errors_as_faults,
)
from robot_daemon.drivers.franka.loop import LoopError, StateLoop
from robot_daemon.drivers.franka.options import FrankaOptions
from robot_daemon.drivers.franka.priority import inherited
from robot_daemon.drivers.franka.samples import arm_state
from robot_daemon.drivers.franka.steering import Steering

STALL_S = 1.5
"""Silence of the loop after which a motion may not run on. A loop that dies says so at once, wrenches end after 0.1 s
in any case, and other motions hold their last, clipped reference: the time is for busy machines."""
STALL_LOOKS = 5
"""How often in a row the owner must see it, because a pause of the whole process ends for both threads at once."""
REST_RAMP_S = 0.1
"""Time in which springs fade and joints are braked by dampers alone; at rest the arm holds itself again."""
REST_LIMIT_S = 1.0
"""Time after which the arm holds itself even if something moves it."""
REST_TIME_S = 3.0
"""How long the arm may take to come to rest."""


class MotionRunner:
    """Runs the motions of one connection.

    Args:
        robot: Of the connection.
        steering: Says which motion should run.
        loop: Feeds it.
        faults: Hears why one has ended.
        options: What the cell's file says.
        now_ns: The cell's clock.
        answering: Watches over a call that may wait for the arm: what is waited for, and how long at most, s.
    """

    def __init__(
        self,
        robot: franky.Robot,
        steering: Steering,
        loop: StateLoop,
        faults: FaultMemory,
        options: FrankaOptions,
        now_ns: Callable[[], int],
        answering: Callable[[str, float], AbstractContextManager[None]],
    ) -> None:
        self._robot = robot
        self._steering = steering
        self._loop = loop
        self._faults = faults
        self._options = options
        self._now_ns = now_ns
        self._answering = answering
        self._is_moving = False
        self._silent_looks = 0

    def start(self) -> None:
        """Starts the motion that is due, or lets it take over from the present one. None while a fault forbids it."""
        sample = self._loop.sample
        if sample is None or self._faults.forbids_motion or not self._steering.is_due:
            return
        state = arm_state(sample)
        track = self._steering.prepare(state, self._now_ns())
        if track is None:
            return
        limit_s = self._options.command_deadline_s
        with self._answering("the start of a motion", limit_s), inherited(self._options.realtime):
            self._robot.move(track.motion, asynchronous=True)
        self._is_moving = True
        self._loop.beat = time.monotonic()
        self._steering.started(track, state, self._now_ns())

    def look_after(self) -> None:
        """Notices a motion that has ended by itself, and a loop that no longer feeds one. Raises LoopError for that."""
        self.take_in_end()
        is_silent = self._is_moving and time.monotonic() - self._loop.beat > STALL_S
        self._silent_looks = self._silent_looks + 1 if is_silent else 0
        if self._silent_looks >= STALL_LOOKS:
            self.stop_unfed()
            raise LoopError("the driver's loop stood still")

    def rest_when_idle(self) -> None:
        """Ends the motion of an arm that has long been held: it holds itself then, and needs no commands in time."""
        idle_ns = round(self._options.idle_timeout_s * 1e9)
        if self._is_moving and idle_ns and self._steering.retire(self._now_ns() - idle_ns):
            self.settle(forget=False)

    def stop_unfed(self) -> None:
        """Stops a motion whose set-points are no longer renewed, because the loop has died."""
        self.settle(forget=True)
        text = "the driver's loop stood still, so the arm was brought to rest; look into the log, then recover"
        self._faults.add(STREAM_STALLED, text)

    def settle(self, *, forget: bool) -> None:
        """Brings the arm to rest and ends the motion; unless told to forget the target, `start` goes on with it."""
        if self._is_moving and self._robot.is_in_control:
            with self._answering("the command to rest", self._options.command_deadline_s + REST_TIME_S):
                rest = franky.TorqueStopMotion(ramp_duration=REST_RAMP_S, max_duration=REST_LIMIT_S)
                self._robot.move(rest, asynchronous=True)
                self._steering.ended(forget=forget)
                if self._robot.join_motion(REST_TIME_S):
                    self._is_moving = False
                else:
                    self._robot.stop()
        self.take_in_end()

    def take_in_end(self) -> None:
        """Takes in why a motion has ended; does nothing while one runs."""
        if not self._is_moving or self._robot.is_in_control:
            return
        self._is_moving = False
        self._steering.ended(forget=True)
        try:
            self._robot.join_motion(self._options.command_deadline_s)
        except franky.TorqueSignalTimeoutException:
            text = "torques for wrench control came too late, so it ended; free the processor, then recover"
            self._faults.add(STREAM_STALLED, text)
        except (franky.ControlException, franky.CommandException) as error:
            self._note_abort(sentence(error))

    def _note_abort(self, text: str) -> None:
        named = [name for name in ERROR_NAMES if f'"{name}"' in text.lower()]
        if "user stop" in text.lower() or "safety function" in text.lower():
            self._faults.add(USER_STOP, CONDITION_TEXTS[USER_STOP], clearable=False)
        elif named:
            for name, said in errors_as_faults(named).items():
                self._faults.add(name, said)
        else:
            self._faults.add(CONTROL_ABORTED, f"the arm ended its motion ({text}); recover")
