"""Implements the control session: who holds the arm, the last targets, and when they expire."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence

from robot_daemon.control.events import Command, Event, EventListener, FieldValue
from robot_daemon.hardware.devices import Cell, LoadedArm, PacedArm
from serl_api.enums import Pacing, SessionClass
from serl_api.errors.robot import ROBOT_ERRORS, DaemonError, RobotError
from serl_api.values import Clip, FullCompliance, GripperTarget, Load, Pose, Target, WrenchTarget

WAKE_TOLERANCE_NS = 1_000_000
"""Lateness of a wake-up that still counts as on time."""

CLIP_REPORT_INTERVAL_NS = 10_000_000_000
"""Time between two reports of clipped targets."""


class Watchdog:
    """Calls back in a thread when a deadline has passed. The deadline may move on at any time, without cost."""

    def __init__(self, now_ns: Callable[[], int], expire: Callable[[], None]) -> None:
        self._now_ns = now_ns
        self._expire = expire
        self._deadline_ns = 0
        self._armed = threading.Event()
        self._closing = threading.Event()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def feed(self, deadline_ns: int) -> None:
        """Moves the deadline."""
        self._deadline_ns = deadline_ns
        self._armed.set()

    def rest(self) -> None:
        """Waits for the next `feed`."""
        self._armed.clear()

    def close(self) -> None:
        """Ends the thread soon; may be called by the thread itself."""
        self._closing.set()
        self._armed.set()

    def _watch(self) -> None:
        while self._armed.wait() and not self._closing.is_set():
            remaining_ns = self._deadline_ns - self._now_ns()
            if remaining_ns > 0:
                self._closing.wait(remaining_ns * 1e-9)
            else:
                self._expire()


class ControlSession:
    """Holds the claim of one client on arm and gripper. All commands to the devices go through here.

    Args:
        number: Unique since the daemon started.
        client_name: Shown to others.
        peer: Address of the client.
        session_class: A higher one may take over.
        cell: The devices.
        compliance: In force at the start; applied here.
        command_timeout_ns: Age at which a target expires; 0 for never.
        wrench_timeout_ns: The same for a wrench, which goes on moving what it pushes.
        lock: Guards every command to the devices; shared with the core, so that nothing moves after a `Stop`.
        listener: Hears of commands, clips and expired targets.
    """

    def __init__(
        self,
        *,
        number: int,
        client_name: str,
        peer: str,
        cell: Cell,
        compliance: FullCompliance,
        command_timeout_ns: int,
        lock: threading.RLock,
        session_class: SessionClass = SessionClass.LEARNER,
        wrench_timeout_ns: int | None = None,
        listener: EventListener | None = None,
    ) -> None:
        self.number = number
        self.client_name = client_name
        self.peer = peer
        self.session_class = session_class
        self.compliance = compliance
        self.is_tracking = False
        """Whether the newest target is alive."""
        self.is_moving = False
        """Whether a `Move` or `Reset` is under way."""
        self.commanded: Pose | None = None
        """The pose that was targeted last, by a step or a motion; None where none was since the arm held."""
        self.applied_sequence_number = 0
        self.applied_time_ns = 0
        self.step_count = 0
        self._opened_time_ns = cell.timebase.now_ns()
        self._clip_counts: Counter[str] = Counter()
        self._listener = listener or EventListener()
        self._clip_report_ns = 0
        self._arm = cell.arm
        self._paced = cell.arm if isinstance(cell.arm, PacedArm) else None
        self._gripper = cell.gripper
        self._now_ns = cell.timebase.now_ns
        self._pose_timeout_ns = command_timeout_ns
        self._wrench_timeout_ns = command_timeout_ns if wrench_timeout_ns is None else wrench_timeout_ns
        self._timeout_ns = command_timeout_ns
        self._has_load = False
        self._deadline_ns = 0
        self._tick_ns: int | None = None
        self._lock = lock
        self._end: RobotError | None = None
        self._watchdog: Watchdog | None = None
        self._lockstep = cell.timebase.pacing is Pacing.LOCKSTEP
        self._arm.set_compliance(compliance)
        if command_timeout_ns > 0:
            self._watchdog = Watchdog(self._now_ns, self._expire)
        self._emit("session_opened", peer=peer, session_class=session_class.name.lower())

    def require_open(self) -> None:
        """Raises the reason for which the session ended, if it did."""
        if self._end is not None:
            raise self._end

    def apply(self, sequence_number: int, target: Target | None, gripper: GripperTarget | None, period_ns: int) -> int:
        """Sends targets to the devices and starts the time until they expire.

        Args:
            sequence_number: Of the request.
            target: None keeps the last one alive, or keeps holding.
            gripper: None leaves the gripper alone.
            period_ns: Time until the next target can be expected; a target outlives it by half the timeout at least.

        Returns:
            Instant at which they took effect.

        Raises:
            RobotError: The session has ended; nothing was sent.
        """
        with self._lock:
            self.require_open()
            if target is not None:
                if self._paced is not None:
                    self._paced.set_pace(period_ns * 1e-9)
                self._arm.set_target(target)
                self.is_tracking = True
                self.commanded = target if isinstance(target, Pose) else None
                is_wrench = isinstance(target, WrenchTarget)
                self._timeout_ns = self._wrench_timeout_ns if is_wrench else self._pose_timeout_ns
            if gripper is not None and self._gripper is not None:
                self._gripper.set_target(gripper)
            now = self._now_ns()
            self.applied_sequence_number = sequence_number
            self.applied_time_ns = now
            if self._watchdog is not None and self.is_tracking:
                self._deadline_ns = now + max(self._timeout_ns, period_ns + self._timeout_ns // 2)
                self._watchdog.feed(self._deadline_ns)
            self._listener.commanded(Command(now, sequence_number, target, gripper))
            return now

    def count_step(self, clips: Sequence[Clip]) -> None:
        """Counts a step and the limits that changed its target; says so at the first and then every 10 s."""
        self.step_count += 1
        if not clips:
            return
        self._clip_counts.update(clip.kind.name.lower() for clip in clips)
        now = self._now_ns()
        if now >= self._clip_report_ns:
            self._clip_report_ns = now + CLIP_REPORT_INTERVAL_NS
            self._emit("targets_clipped", **self._counts())

    def note_applied(self, sequence_number: int) -> None:
        """Records a request that took effect in another way than a target."""
        self.applied_sequence_number = sequence_number
        self.applied_time_ns = self._now_ns()

    def set_compliance(self, compliance: FullCompliance) -> None:
        """Changes the impedance. Raises the reason of the end if the session has ended."""
        with self._lock:
            self.require_open()
            self._arm.set_compliance(compliance)
            self.compliance = compliance

    def set_load(self, load: Load) -> None:
        """Tells the arm what it carries, until the session ends. Raises the reason of the end if it has ended."""
        with self._lock:
            self.require_open()
            self._arm.set_load(load)
            self._has_load = True

    def hold(self) -> None:
        """Holds the measured pose until the next target. Does nothing after the end."""
        with self._lock:
            if self._end is None:
                self._arm.hold()
                self.is_tracking = False
                self.commanded = None

    def schedule_tick(self, now_ns: int, period_ns: int) -> tuple[int, int]:
        """Schedules the next tick of the session's grid.

        Args:
            now_ns: Instant at which the step's target took effect.
            period_ns: Time from the previous tick to the next.

        Returns:
            Instant of the tick, and the instant at which it was due; later than due when the request came too late for
            the grid, which is then anchored anew so that the target acts for a whole period.
        """
        anchor = now_ns if self._tick_ns is None or self._lockstep else self._tick_ns
        due = anchor + period_ns
        tick = due if due > now_ns else now_ns + period_ns
        self._tick_ns = tick
        return tick, due

    def overrun_ns(self, due_ns: int) -> int:
        """Returns how late it is for a tick that was due; 0 when on time, and always in lockstep."""
        late = self._now_ns() - due_ns
        return late if late > WAKE_TOLERANCE_NS and not self._lockstep else 0

    def leave_grid(self) -> None:
        """Lets the next step anchor the grid anew."""
        self._tick_ns = None

    def end(self, reason: RobotError | None) -> None:
        """Holds the arm and refuses everything from now on. Only the core calls it, once."""
        with self._lock:
            self._arm.hold()
            self.is_tracking = False
            self.is_moving = False
            self._end = reason or DaemonError("the control session is closed")
            if self._watchdog is not None:
                self._watchdog.close()
            if self._has_load and isinstance(self._arm, LoadedArm):
                self._arm.restore_load()
            why = "closed" if reason is None else ROBOT_ERRORS.reason_of(reason).lower()
            seconds = round((self._now_ns() - self._opened_time_ns) * 1e-9, 3)
            self._emit("session_closed", reason=why, seconds=seconds, **self._counts())

    def _expire(self) -> None:
        with self._lock:
            if self._watchdog is None or self._now_ns() < self._deadline_ns:
                return
            self._watchdog.rest()
            if self.is_tracking:
                self.hold()
                self._emit("target_expired", timeout_s=self._timeout_ns * 1e-9)

    def _counts(self) -> dict[str, FieldValue]:
        """Returns the steps, and how often each limit changed a target."""
        clipped = {f"clipped_{kind}": count for kind, count in sorted(self._clip_counts.items())}
        return {"steps": self.step_count, **clipped}

    def _emit(self, name: str, **fields: FieldValue) -> None:
        fields = {"session": self.number, "client": self.client_name, **fields}
        is_warning = name in ("targets_clipped", "target_expired")
        self._listener.on_event(Event(name, self._now_ns(), fields, is_warning=is_warning))
