"""Implements `Arm` for a Franka arm. No method but `recover` and `close` waits for the arm."""

import logging
import threading

import franky
import numpy as np

from robot_daemon.drivers.franka.connecting import column_major, describe, explain, sentence
from robot_daemon.drivers.franka.facts import ARMS
from robot_daemon.drivers.franka.faults import CONNECTION_LOST, FaultMemory, condition_of
from robot_daemon.drivers.franka.link import Link
from robot_daemon.drivers.franka.loads import combined_load, load_of
from robot_daemon.drivers.franka.loop import LoopError
from robot_daemon.drivers.franka.motion_runner import REST_TIME_S
from robot_daemon.drivers.franka.options import FrankaOptions
from robot_daemon.drivers.franka.samples import Sample, arm_state
from robot_daemon.drivers.franka.steering import Setup, Steering
from robot_daemon.hardware.devices import ArmSample, DeviceConnectError, DeviceFault, MotionBounds, Timebase
from robot_daemon.hardware.kinematics import ArmParts, SerialArm
from serl_api.cell import ArmInfo
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.values import FloatArray, FullCompliance, Load, Target

logger = logging.getLogger(__name__)

STALE_NS = 500_000_000
"""Age of the newest message at which the arm counts as silent."""
SUPERVISION_INTERVAL_S = 0.05
RECONNECT_INTERVAL_S = 0.5

_given_up: list[Link] = []
"""Connections whose owner waits for an answer that does not come: to drop them would wait for it."""


class FrankaArm:
    """Drives an arm through libfranka.

    Raises:
        DeviceConnectError: The arm cannot be reached, or is another one than the options say.
    """

    def __init__(self, options: FrankaOptions, timebase: Timebase) -> None:
        self._options = options
        self._now_ns = timebase.now_ns
        self._faults = FaultMemory(timebase.now_ns, self.hold)
        self._steering: Steering | None = None
        self._info: ArmInfo | None = None
        self._compliance: FullCompliance | None = None
        self._bounds: MotionBounds | None = None
        self._kinematics: SerialArm | None = None
        self._first_load: Load | None = None
        self._kept: tuple[Sample, ArmSample] | None = None
        self._closing = threading.Event()
        self._link: Link | None = None
        self._link = link = self._new_link()
        error = link.wait_until_open(options.connect_timeout_s)
        if error is not None:
            self._give_up(link)
            if isinstance(error, DeviceConnectError):
                raise error
            raise DeviceConnectError(explain(error, options.host)) from None
        link.loop.wait_for_message(0, options.connect_timeout_s)  # So that the first `read_state` has something to say.
        self._supervisor = threading.Thread(target=self._supervise, name="franka-supervisor", daemon=True)
        self._supervisor.start()

    @property
    def info(self) -> ArmInfo:
        """Returns constant facts of the arm."""
        assert self._info is not None, "set when the connection opened"
        return self._info

    def read_state(self) -> ArmSample:
        """Returns the newest state. Raises DeviceUnavailableError without a connection or while the arm is silent."""
        sample = self._fresh_sample()
        if sample is None:
            host = self._options.host
            raise DeviceUnavailableError(f"the arm at {host} does not answer; the daemon connects again by itself")
        return self._converted(sample)

    def set_target(self, target: Target) -> None:
        """Tracks a target from now on. Ignored while a fault forbids motion, the arm is guided or silent."""
        sample, steering = self._fresh_sample(), self._steering
        if sample is not None and steering is not None and not self._faults.forbids_motion:
            steering.follow(target, self._converted(sample), self._now_ns())

    def set_pace(self, period_s: float) -> None:
        """Says when the target after the next one can be expected, s."""
        if self._steering is not None:
            self._steering.set_pace(period_s)

    def hold(self) -> None:
        """Holds the pose measured now, or the joints when those were tracked. An arm without a motion rests anyway."""
        sample, steering = self._newest_sample, self._steering
        if sample is not None and steering is not None:
            steering.hold(self._converted(sample))

    def set_compliance(self, compliance: FullCompliance) -> None:
        """Changes the Cartesian impedance, also while moving."""
        self._compliance = compliance
        if self._steering is not None:
            self._steering.set_compliance(compliance)

    def set_bounds(self, bounds: MotionBounds) -> None:
        """Keeps to bounds from now on, at the rate of the loop."""
        self._bounds = bounds
        if self._steering is not None:
            self._steering.set_bounds(bounds)

    def parts(self, joints: FloatArray) -> ArmParts:
        """Returns where parts of the arm would be. Shape of the joints: (N, 7), rad."""
        assert self._kinematics is not None, "set when the connection opened"
        return self._kinematics.parts(joints)

    def restore_load(self) -> None:
        """Tells the arm the load that it had when the daemon connected."""
        if self._link is not None and self._first_load is not None:
            self._link.set_load(self._first_load)

    def set_load(self, load: Load) -> None:
        """Tells the arm what it carries beside the load that it had at the start, its tool's perhaps.

        A motion pauses for about half a second, since the arm takes it only at rest. A load that the arm refuses
        becomes the warning "load_refused".
        """
        if self._link is not None and self._first_load is not None:
            self._link.set_load(combined_load(self._first_load, load))

    def faults(self) -> tuple[DeviceFault, ...]:
        """Returns active faults. While a critical one is active, or the arm is guided, it ignores targets."""
        return self._faults.active

    def recover(self, fault_ids: tuple[str, ...]) -> None:
        """Clears those of the faults whose cause has gone; none while a hand is on the arm.

        Waits for the arm, at most some seconds; moves nothing.
        """
        link = self._link
        if link is None or not link.recover():
            return
        sample = link.loop.wait_for_message(self._now_ns(), 1.0)
        if sample is None:
            return
        condition = condition_of(sample.state)
        if not condition.by_hand:
            self._faults.drop([name for name in fault_ids if name not in condition.faults])

    def close(self) -> None:
        """Brings the arm to rest and lets go of it."""
        self._closing.set()
        if self._supervisor.is_alive():
            self._supervisor.join(timeout=RECONNECT_INTERVAL_S)
        link = self._link
        if link is not None and not link.close(self._options.command_deadline_s + REST_TIME_S):
            logger.error("the arm did not answer while it was brought to rest; press its user stop")
            _given_up.append(link)
        self._kept = self._steering = None

    def _new_link(self) -> Link:
        return Link(self._options, self._now_ns, self._faults, self._on_connected, self._on_lost)

    @property
    def _newest_sample(self) -> Sample | None:
        return None if self._link is None else self._link.loop.sample

    def _fresh_sample(self) -> Sample | None:
        sample = self._newest_sample
        if sample is None or self._now_ns() - sample.arrival_ns > STALE_NS:
            return None
        return sample

    def _converted(self, sample: Sample) -> ArmSample:
        kept = self._kept
        if kept is not None and kept[0] is sample:
            return kept[1]
        state = arm_state(sample)
        self._kept = (sample, state)
        return state

    def _wake(self) -> None:
        if self._link is not None:
            self._link.wake()

    def _on_connected(self, robot: franky.Robot) -> Steering:
        """Called by a link's owner. Each connection has a steering of its own: one that was given up cannot meddle."""
        if self._info is None:
            self._info = describe(robot, self._options)
            self._first_load = load_of(robot.state)
        elif self._first_load is not None and self._first_load.mass != robot.state.m_load:
            first = self._first_load  # A session that ended with the connection could not restore it.
            robot.set_load(first.mass, list(first.center_of_mass), column_major(first.inertia))
        self._kinematics = SerialArm(robot.state.F_T_EE.translation)
        steering = Steering(_setup(self._info, self._options), self._wake)
        if self._compliance is not None:
            steering.set_compliance(self._compliance)
        if self._bounds is not None:
            steering.set_bounds(self._bounds)
        self._steering = steering
        self._faults.allow_recovery(CONNECTION_LOST)
        return steering

    def _on_lost(self, error: Exception) -> None:
        if isinstance(error, LoopError):
            return  # It has a fault of its own.
        host = self._options.host
        text = (
            f"the connection to the arm at {host} was lost ({sentence(error)}); check its cable and power, it is "
            "connected again by itself, then recover"
        )
        logger.warning("%s", text)
        self._faults.add(CONNECTION_LOST, text, clearable=False)

    def _supervise(self) -> None:
        """Gives up a connection that hangs, and builds another one after each that has ended."""
        while not self._closing.wait(SUPERVISION_INTERVAL_S):
            link = self._link
            assert link is not None, "the first one opened before this thread began"
            overdue = link.overdue
            if overdue is not None:
                self._give_up(link)
                self._on_lost(TimeoutError(f"it did not answer {overdue}"))
            elif not link.is_over:
                continue
            self._kept = None
            if self._closing.wait(RECONNECT_INTERVAL_S):
                return
            self._link = self._new_link()

    @staticmethod
    def _give_up(link: Link) -> None:
        link.give_up()
        if not link.is_over:
            _given_up.append(link)


def _setup(info: ArmInfo, options: FrankaOptions) -> Setup:
    return Setup(
        facts=ARMS[info.model],
        posture=None if options.posture_rad is None else np.array(options.posture_rad),
        joint_stiffness=np.array(options.joint_stiffness_nm_per_rad),
        joint_damping=np.array(options.joint_damping_nms_per_rad),
        time_constant_s=options.target_time_constant_s,
        gains_time_constant_s=options.gains_time_constant_s,
    )
