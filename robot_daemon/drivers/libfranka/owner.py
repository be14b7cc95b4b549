"""The one thread that talks to the control box: it builds the Robot, starts every motion, feeds it, takes samples.

libfranka gives the thread that builds a Robot realtime priority, and franky's control thread inherits the priority of
the thread that starts a motion. So both happen here and nowhere else, and this thread itself runs at normal priority in
between: Python at realtime priority would starve the rest of the daemon.
"""

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass

import franky
import numpy as np

from robot_daemon.devices import (
    Compliance,
    FloatArray,
    JointTarget,
    Target,
    TcpTarget,
)
from robot_daemon.drivers.libfranka import motions
from robot_daemon.drivers.libfranka.clock import ArmClock
from robot_daemon.drivers.libfranka.facts import jacobian_at, joint_frames
from robot_daemon.drivers.libfranka.options import FrankaOptions
from robot_daemon.drivers.libfranka.sample import Sample
from robot_daemon.drivers.libfranka.texts import connect_text, is_connection_loss

logger = logging.getLogger(__name__)

RECONNECT_INTERVAL_S = 1.0
_REALTIME_PRIORITY = 99
_STOP_WAIT_S = 3.0


@dataclass(frozen=True)
class Wish:
    """What the arm should do; the newest counts."""

    target: Target | None
    """None leaves the arm to the control box, which holds it with its brakes or its own controller."""
    number: int
    """Counts up."""


class Owner:
    """Runs the thread. All other methods return at once but `start`, `ask` and `close`.

    Args:
        options: Of the cell's file.
        posture: Joint positions that the null space prefers, rad. Shape (7,).
        now_ns: The cell's clock.
        on_failure: Called by the thread when a motion or the connection failed: a sentence, and whether it is the
            connection. The wish is dropped before.
    """

    def __init__(
        self,
        options: FrankaOptions,
        posture: FloatArray,
        now_ns: Callable[[], int],
        on_failure: Callable[[str, bool], None],
    ) -> None:
        self._options = options
        self._posture = posture
        self._now_ns = now_ns
        self._on_failure = on_failure
        self._condition = threading.Condition()
        self._wish = Wish(None, 0)
        self._compliance = Compliance()
        self._jobs: list[tuple[Callable[[franky.Robot], object], Future[object]]] = []
        self._is_ended = False
        self._robot: franky.Robot | None = None
        self._motion: franky.BaseTorqueMotion | None = None
        self._motion_clips: object = None
        self._motion_compliance: Compliance | None = None
        self._reference: TcpTarget | None = None
        self._clock = ArmClock()
        self._turn_time = time.monotonic()
        self.sample: Sample | None = None
        """Newest state."""
        self.reference_delays_ns: list[int] | None = None
        """When a list: gets, for each wish, the time from its arrival to the motion's new reference."""
        self._wish_arrival_ns = 0
        self._thread = threading.Thread(target=self._run, name="franka-owner", daemon=True)
        self._connected: Future[None] = Future()

    def start(self, timeout_s: float) -> None:
        """Connects. Raises what libfranka raised, or TimeoutError."""
        self._thread.start()
        self._connected.result(timeout_s)

    @property
    def is_connected(self) -> bool:
        """Whether there is a Robot that answered last."""
        return self._robot is not None

    def wish(self, target: Target | None) -> None:
        """Asks for a target."""
        with self._condition:
            self._wish = Wish(target, self._wish.number + 1)
            self._wish_arrival_ns = time.monotonic_ns()
            self._condition.notify()

    @property
    def target(self) -> Target | None:
        """What was asked for last."""
        return self._wish.target

    def set_compliance(self, compliance: Compliance) -> None:
        """Asks for gains and clips."""
        with self._condition:
            self._compliance = compliance
            self._condition.notify()

    def ask(self, job: Callable[[franky.Robot], object], timeout_s: float) -> object:
        """Has the thread do something with the Robot and waits for it.

        Raises:
            TimeoutError: The control box does not answer.
            ConnectionError: There is no connection.
            Exception: What the job raised.
        """
        future: Future[object] = Future()
        with self._condition:
            self._jobs.append((job, future))
            self._condition.notify()
        return future.result(timeout_s)

    def ask_at_rest(self, job: Callable[[franky.Robot], object], timeout_s: float) -> object:
        """Like `ask`, for what libfranka refuses during a motion: the arm rests shortly, then goes on."""

        def between(robot: franky.Robot) -> object:
            self._rest(robot)
            return job(robot)

        return self.ask(between, timeout_s)

    def close(self) -> None:
        """Brings the arm to rest, lets go of it, ends the thread."""
        with self._condition:
            self._is_ended = True
            self._condition.notify()
        self._thread.join(self._options.command_deadline_s + _STOP_WAIT_S)
        if self._thread.is_alive():
            logger.error("the control box does not answer; the arm is left to its own watchdog")

    def _run(self) -> None:
        try:
            self._connect()
        except Exception as error:  # noqa: BLE001 - the top of a thread; franky has exceptions of its own.
            self._connected.set_exception(error)
            return
        self._connected.set_result(None)
        try:
            while not self._is_ended:
                self._turn_safely()
        finally:  # Also when this thread fails: a motion would track its last reference for ever.
            self._settle()
            self._refuse_jobs()

    def _connect(self) -> None:
        options = self._options
        is_strict = options.realtime == "enforce"
        robot = franky.Robot(
            options.host,
            default_torque_threshold=options.contact_torque_nm,
            default_force_threshold=options.contact_force_n,
            realtime_config=franky.RealtimeConfig.Enforce if is_strict else franky.RealtimeConfig.Ignore,
        )
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        if options.tcp_position_m is not None:
            tool = franky.Affine(np.array(options.tcp_position_m), np.array(options.tcp_quaternion_xyzw))
            robot.set_ee((robot.state.F_T_NE.inverse * tool).matrix.T.ravel().tolist())
        self._robot = robot
        self._clock = ArmClock()
        self._take_sample(robot)

    def _turn_safely(self) -> None:
        try:
            robot = self._robot
            if robot is None:
                self._reconnect()
            else:
                self._turn(robot)
        except Exception as error:  # noqa: BLE001 - the top of a thread; franky has exceptions of its own.
            self._fail(error)

    def _turn(self, robot: franky.Robot) -> None:
        with self._condition:
            number = self._wish.number
            if not self._jobs:
                self._condition.wait_for(
                    lambda: self._wish.number != number or self._jobs or self._is_ended,
                    timeout=1.0 / self._options.loop_rate_hz,
                )
            wish, compliance, jobs = self._wish, self._compliance, self._jobs
            self._jobs = []
        for job, future in jobs:
            _do(job, future, robot)
        sample = self._take_sample(robot)
        if self._motion is not None and not robot.is_in_control:
            self._motion = None
            robot.join_motion(0.5)  # Raises what ended the motion.
            raise RuntimeError("the motion ended by itself")
        if wish.target is not None:
            self._follow(robot, wish.target, compliance, sample)
            if self.reference_delays_ns is not None and self._wish_arrival_ns:
                self.reference_delays_ns.append(time.monotonic_ns() - self._wish_arrival_ns)
                self._wish_arrival_ns = 0

    def _take_sample(self, robot: franky.Robot) -> Sample:
        state = robot.state
        stamp_ns = round(state.time.to_sec() * 1e9)
        self.sample = sample = Sample(state, self._clock.to_cell_ns(stamp_ns, self._now_ns()))
        return sample

    def _follow(self, robot: franky.Robot, target: Target, compliance: Compliance, sample: Sample) -> None:
        now = time.monotonic()
        elapsed, self._turn_time = now - self._turn_time, now
        if isinstance(target, TcpTarget):
            self._follow_pose(robot, target, compliance, sample, elapsed)
        elif isinstance(target, JointTarget):
            motion = self._motion
            reference = franky.JointReference(q=target.positions)
            if isinstance(motion, franky.JointImpedanceTrackingMotion):
                motion.set_reference(reference)
            else:
                motion = motions.joint_motion()
                motion.set_reference(reference)
                self._begin(robot, motion)
        else:
            self._exert(robot, target.wrench, compliance, sample)

    def _follow_pose(
        self, robot: franky.Robot, target: TcpTarget, compliance: Compliance, sample: Sample, elapsed: float
    ) -> None:
        pose = sample.state.O_T_EE
        position, quaternion = np.array(pose.translation), np.array(pose.quaternion)
        motion = self._motion
        is_fit = isinstance(motion, franky.CartesianImpedanceTrackingMotion) and self._motion_clips == motions.clips_of(
            compliance
        )
        if not isinstance(motion, franky.CartesianImpedanceTrackingMotion) or self._reference is None:
            self._reference = TcpTarget(position=position, quaternion=quaternion)
        self._reference = motions.approach(self._reference, target, elapsed, self._options.target_time_constant_s)
        limited = motions.limit_reference(self._reference, position, quaternion, compliance)
        reference = franky.CartesianReference(motions.affine(limited))
        if is_fit and isinstance(motion, franky.CartesianImpedanceTrackingMotion):
            motion.set_reference(reference)
            if compliance is not self._motion_compliance:
                motions.set_gains(motion, compliance)
        else:
            fresh = motions.cartesian_motion(compliance, self._posture, self._options.gains_time_constant_s)
            fresh.set_reference(reference)
            self._begin(robot, fresh)
            self._motion_clips = motions.clips_of(compliance)
        self._motion_compliance = compliance

    def _exert(self, robot: franky.Robot, wrench: FloatArray, compliance: Compliance, sample: Sample) -> None:
        state = sample.state
        positions = np.array(state.q)
        jacobian = jacobian_at(joint_frames(positions), np.array(state.O_T_EE.translation))
        torques = motions.wrench_torques(
            wrench, jacobian, positions, np.array(state.dq), self._posture, compliance.nullspace_stiffness
        )
        if isinstance(self._motion, franky.SimpleTorqueMotion):
            self._motion.set_torque(torques)
        else:
            motion = motions.torque_motion()
            motion.set_torque(torques)
            self._begin(robot, motion)

    def _begin(self, robot: franky.Robot, motion: franky.BaseTorqueMotion) -> None:
        """Starts a motion, or swaps the running one for it."""
        with self._priority():
            robot.move(motion, asynchronous=True)
        self._motion = motion
        if not isinstance(motion, franky.CartesianImpedanceTrackingMotion):
            self._reference = None

    @contextlib.contextmanager
    def _priority(self) -> Iterator[None]:
        """Realtime priority for the control thread that is about to be made."""
        if self._options.realtime == "ignore":
            yield
            return
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_REALTIME_PRIORITY))
        except PermissionError:
            if self._options.realtime == "enforce":
                raise
        try:
            yield
        finally:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))

    def _fail(self, error: BaseException) -> None:
        with self._condition:
            self._wish = Wish(None, self._wish.number + 1)
        self._motion = self._reference = None
        is_lost = is_connection_loss(error)
        if is_lost:
            self._robot = None
        self._on_failure(str(error), is_lost)

    def _reconnect(self) -> None:
        self._refuse_jobs()
        with self._condition:
            self._condition.wait_for(lambda: self._is_ended, timeout=RECONNECT_INTERVAL_S)
            if self._is_ended:
                return
        try:
            self._connect()
            logger.info("the arm at %s is connected again; its fault waits for recovery", self._options.host)
        except Exception as error:  # noqa: BLE001 - franky has exceptions of its own.
            logger.debug("still no connection: %s", connect_text(self._options.host, error))

    def _refuse_jobs(self) -> None:
        with self._condition:
            jobs, self._jobs = self._jobs, []
        for _, future in jobs:
            future.set_exception(ConnectionError(f"there is no connection to the arm at {self._options.host}"))

    def _rest(self, robot: franky.Robot) -> None:
        """Ends the motion in order; what is wished for starts another one."""
        self._motion = self._reference = None
        if robot.is_in_control:
            with self._priority():
                robot.move(franky.TorqueStopMotion(), asynchronous=True)
            robot.join_motion(_STOP_WAIT_S)

    def _settle(self) -> None:
        robot, self._robot = self._robot, None
        if robot is None:
            return
        try:
            self._rest(robot)
        except Exception as error:  # noqa: BLE001 - franky has exceptions of its own.
            logger.warning("the arm did not come to rest in order: %s", error)


def _do(job: Callable[[franky.Robot], object], future: Future[object], robot: franky.Robot) -> None:
    try:
        future.set_result(job(robot))
    except Exception as error:
        future.set_exception(error)
        if is_connection_loss(error):
            raise
