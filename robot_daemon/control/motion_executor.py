"""Executes `Move` and `Reset`: feeds a path to the arm, reports progress, stops when preempted."""

from collections.abc import Callable, Iterator

from robot_daemon.control.daemon import DaemonCore
from robot_daemon.control.session import ControlSession
from robot_daemon.control.trajectories import TOOL_SPEED_SHARE, Path, plan_cartesian, plan_joints, way_of_tool
from robot_daemon.hardware.devices import LocatedArm
from serl_api.enums import GripperMotion, MotionOutcome
from serl_api.values import JointTarget, Pose

TARGET_INTERVAL_NS = 20_000_000
"""Time between two targets of a path."""

PROGRESS_INTERVAL_NS = 100_000_000
"""Time between two answers with progress."""

SETTLE_TIME_NS = 2_000_000_000
"""How long an arm may take to arrive after the end of its path."""

GRIPPER_TIME_NS = 3_000_000_000
"""How long the fingers may take."""


Progress = tuple[MotionOutcome, float, str]


class Motion:
    """Executes one motion of an open session, until `is_preempted` says that another request takes over."""

    def __init__(
        self, core: DaemonCore, session: ControlSession, is_preempted: Callable[[], bool], sequence_number: int
    ) -> None:
        self._core = core
        self._active_cell = core.active_cell
        self._session = session
        self._is_preempted = is_preempted
        self._number = sequence_number

    def go_to(self, goal: Pose | JointTarget, speed_ratio: float) -> Iterator[Progress]:
        """Moves to a goal.

        Args:
            goal: Checked against the limits.
            speed_ratio: Fraction of the configured top speed, in (0, 1].

        Yields:
            MotionOutcome, fraction of the path, and a sentence on failure; the last one is final.

        Raises:
            DaemonError: The session ended meanwhile.
        """
        path = self._plan(goal, speed_ratio)
        self._session.is_moving = True
        try:
            yield from self._follow(path)
        finally:
            self._session.is_moving = False

    def await_gripper(self) -> None:
        """Lets time pass until the fingers rest, within bounds."""
        timebase, sensors = self._active_cell.cell.timebase, self._active_cell.sensors
        deadline = timebase.now_ns() + GRIPPER_TIME_NS
        while timebase.now_ns() < deadline and not self._is_preempted():
            state = sensors.gripper_state()
            if state is None or state.motion is not GripperMotion.MOVING:
                return
            self._wait()

    def _plan(self, goal: Pose | JointTarget, speed_ratio: float) -> Path:
        state, arm = self._active_cell.sensors.arm_state(), self._active_cell.cell.arm
        config = self._active_cell.limits.config
        if isinstance(goal, JointTarget):
            way = (0.0, 0.0)
            if isinstance(arm, LocatedArm):
                way = way_of_tool(arm.parts, state.joint_positions, goal.positions)
            speed = (config.tcp_speed_m_per_s, config.tcp_rotation_rad_per_s)
            return plan_joints(state, goal, arm.info, speed_ratio=speed_ratio, tool_way=way, tool_speed=speed)
        return plan_cartesian(
            state,
            goal,
            speed_m_per_s=min(config.move_speed_m_per_s, TOOL_SPEED_SHARE * config.tcp_speed_m_per_s) * speed_ratio,
            rotation_rad_per_s=min(config.move_rotation_rad_per_s, TOOL_SPEED_SHARE * config.tcp_rotation_rad_per_s)
            * speed_ratio,
        )

    def _follow(self, path: Path) -> Iterator[Progress]:
        now_ns = self._active_cell.cell.timebase.now_ns
        start = now_ns()
        end = start + round(path.duration_s * 1e9)
        reported = start
        while True:
            now = now_ns()
            progress = min(1.0, (now - start) / (end - start))
            if self._is_preempted():
                self._session.hold()
                yield MotionOutcome.PREEMPTED, progress, ""
                return
            if now >= end:
                final = self._judge(path, now - end)
                if final is not None:
                    yield final
                    return
            self._session.apply(self._number, path.at((now - start) * 1e-9), None, TARGET_INTERVAL_NS)
            if now - reported >= PROGRESS_INTERVAL_NS:
                reported = now
                yield MotionOutcome.RUNNING, progress, ""
            self._wait()

    def _judge(self, path: Path, since_end_ns: int) -> Progress | None:
        """Returns the final outcome; None while the arm may still arrive."""
        reached, distance = path.error(self._active_cell.sensors.arm_state())
        if reached:
            self._session.apply(self._number, path.at(path.duration_s), None, 0)
            return MotionOutcome.REACHED, 1.0, ""
        if since_end_ns > SETTLE_TIME_NS:
            self._session.hold()
            text = f"the arm stopped {distance} from the goal, perhaps in contact; clear the way or choose another goal"
            return MotionOutcome.FAILED, 1.0, text
        return None

    def _wait(self) -> None:
        """Lets one interval pass, then looks for faults. Raises the reason when the session ended."""
        timebase = self._active_cell.cell.timebase
        timebase.wait_until(timebase.now_ns() + TARGET_INTERVAL_NS)
        self._core.watch(self._active_cell.sensors.arm_state())
        self._session.require_open()
