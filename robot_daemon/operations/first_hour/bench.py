"""Serves the arm of a cell to the steps of the first hour: connects, moves slowly, records states."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from robot_daemon.api.server import REST_RAD_PER_S, DaemonServer
from robot_daemon.config.cell_builder import build_cell
from robot_daemon.config.cell_config import DaemonConfig, ServerConfig
from robot_daemon.control.daemon import DaemonCore
from robot_daemon.control.events import EventListener
from robot_daemon.control.motion_executor import Motion
from robot_daemon.control.session import ControlSession
from robot_daemon.hardware.devices import Arm, ArmSample, GripperSample
from robot_daemon.operations.checks.workspace import outside_workspace
from robot_daemon.operations.first_hour.hands import Hands
from serl_api.enums import MotionOutcome
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.values import FloatArray, JointTarget, Pose

CLIENT = "first hour"
SLOW_M_PER_S = 0.05
"""Speed of the tool on the way from one place to another, m/s."""
PERIOD_S = 0.1
"""Time between two targets, s."""
SETTLE_S = 1.0
"""Time after a motion until its end is measured, s."""
SILENCE_S = 1.0
"""How long the arm may be silent between two states, s."""
MARGIN_M = 0.02
"""Distance that targets keep from the walls of the workspace, m."""


class StepError(Exception):
    """Raised when a step cannot go on; one sentence for the report."""


class Recorder(EventListener):
    """Counts the states that the daemon samples, and keeps them while it is told to."""

    def __init__(self) -> None:
        self.kept: list[ArmSample] | None = None
        """States since `keep` began; None while none are kept."""
        self.count = 0
        """States with a stamp of their own, since `restart`."""
        self.longest_gap_ns = 0
        """Longest time between two of them."""
        self._last_ns = 0

    def sampled(self, arm: ArmSample, gripper: GripperSample | None) -> None:
        """Takes a state in."""
        if arm.time_ns <= self._last_ns:
            return
        if self._last_ns:
            self.longest_gap_ns = max(self.longest_gap_ns, arm.time_ns - self._last_ns)
        self.count += 1
        self._last_ns = arm.time_ns
        if self.kept is not None:
            self.kept.append(arm)

    def restart(self) -> None:
        """Counts from now."""
        self.count, self.longest_gap_ns, self._last_ns = 0, 0, 0


class Bench:
    """Holds the cell's arm, alone, behind a daemon on a port of loopback that nobody is told of.

    Args:
        config: The cell's file. Gripper, cameras and tracker are left alone.
        hands: Does what only hands can do.
        seed: Of what is drawn at random.
        idle_s: How long the idle period lasts, s.
    """

    def __init__(self, config: DaemonConfig, hands: Hands, *, seed: int = 0, idle_s: float = 3600.0) -> None:
        self.config = replace(config, gripper=None, cameras={}, tracker=None)
        self.hands = hands
        self.seed = seed
        self.rng = np.random.default_rng(seed)
        self.idle_s = idle_s
        self.recorder = Recorder()
        """Hears every state."""
        self.address = ""
        """Of the daemon, while connected."""
        self._server: DaemonServer | None = None

    def connect(self) -> None:
        """Connects to the arm, unless that was done.

        Raises:
            DeviceConnectError: It cannot be reached; one sentence.
        """
        if self._server is not None:
            return
        cell = build_cell(self.config)
        self.recorder = Recorder()
        config = ServerConfig(address="127.0.0.1:0", drain_grace_s=0.1)
        server = DaemonServer(
            cell,
            config,
            self.config.limits,
            sync=self.config.synchronization,
            compliance=self.config.compliance,
            listeners=[self.recorder],
        )
        self._server = server
        self.address = server.start()

    def close(self) -> None:
        """Lets the arm hold and come to rest, and lets go of it."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    @property
    def is_connected(self) -> bool:
        """Returns whether the arm is served."""
        return self._server is not None

    @property
    def core(self) -> DaemonCore:
        """Returns the daemon; connects first."""
        self.connect()
        assert self._server is not None, "connect sets it or raises"
        return self._server.core

    @property
    def arm(self) -> Arm:
        """Returns the arm's driver."""
        return self.core.cell.arm

    def state(self) -> ArmSample:
        """Returns the newest state; bears a short silence. Raises DeviceUnavailableError after a second of it."""
        end_s = self.now_s + SILENCE_S
        while True:
            try:
                return self.core.active_cell.sensors.arm_state()
            except DeviceUnavailableError:
                if self.now_s >= end_s:
                    raise
            self.wait(0.01)

    def wait(self, seconds: float) -> None:
        """Lets time pass."""
        timebase = self.core.cell.timebase
        timebase.wait_until(timebase.now_ns() + round(seconds * 1e9))

    @property
    def now_s(self) -> float:
        """Returns the cell's time, s."""
        return self.core.cell.timebase.now_ns() * 1e-9

    @contextlib.contextmanager
    def session(self) -> Iterator[ControlSession]:
        """Controls the arm, which must stand within its workspace; it holds at the end, however that comes.

        Raises:
            RobotError: The daemon refuses; one sentence.
            StepError: The arm stands outside its workspace.
        """
        outside = outside_workspace(self.config.limits, self.state())
        if outside:
            raise StepError(outside)
        session = self.core.claim(CLIENT, "this process", self.core.default_compliance)
        try:
            yield session
        finally:
            self.core.release(session)

    def follow(self, session: ControlSession, targets: Iterable[Pose], period_s: float = PERIOD_S) -> None:
        """Sends one target a period, as a policy does. Raises the reason where the session has ended."""
        cell, limits = self.core.active_cell, self.core.active_cell.limits
        for number, target in enumerate(targets, 1):
            clipped, _ = limits.clip_tcp(target, self.state())
            period_ns = round(period_s * 1e9)
            applied_ns = session.apply(number, clipped, None, period_ns)
            tick_ns, _ = session.schedule_tick(applied_ns, period_ns)
            cell.cell.timebase.wait_until(tick_ns)
            self.core.watch(self.state())
            session.require_open()

    def stay(self, session: ControlSession, pose: Pose, seconds: float) -> None:
        """Asks for one pose for a time."""
        self.follow(session, [pose] * max(1, round(seconds / PERIOD_S)))

    def move(self, session: ControlSession, goal: Pose | JointTarget) -> None:
        """Moves slowly. Raises StepError where the goal was not reached."""
        ratio = min(1.0, SLOW_M_PER_S / self.config.limits.move_speed_m_per_s)
        for outcome, _, text in Motion(self.core, session, lambda: False, 0).go_to(goal, ratio):
            if outcome is MotionOutcome.FAILED:
                raise StepError(text)

    @contextlib.contextmanager
    def recording(self) -> Iterator[list[ArmSample]]:
        """Keeps every state within the block; the list grows meanwhile."""
        self.recorder.kept = kept = []
        try:
            yield kept
        finally:
            self.recorder.kept = None

    def inward(self, position: FloatArray) -> FloatArray:
        """Returns for each axis the direction, +1 or -1, towards the middle of the workspace. Shape (3,)."""
        limits = self.config.limits
        middle = 0.5 * (np.array(limits.workspace_lower_m) + np.array(limits.workspace_upper_m))
        return np.where(position <= middle, 1.0, -1.0)

    def within(self, position: FloatArray) -> FloatArray:
        """Returns the nearest position that keeps its distance from the walls. Shape (3,), m."""
        limits = self.config.limits
        lower, upper = np.array(limits.workspace_lower_m) + MARGIN_M, np.array(limits.workspace_upper_m) - MARGIN_M
        return np.clip(position, np.minimum(lower, upper), np.maximum(lower, upper))

    def is_at_rest(self) -> bool:
        """Returns whether no joint moves."""
        return bool(np.abs(self.state().joint_velocities).max() <= REST_RAD_PER_S)

    def await_rest(self, limit_s: float) -> bool:
        """Waits until no joint moves; returns whether that was so in time."""
        end_s = self.now_s + limit_s
        while not self.is_at_rest():
            if self.now_s >= end_s:
                return False
            self.wait(0.01)
        return True
