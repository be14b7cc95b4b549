"""Implements the daemon without its transport: control session, faults, stop latch and episode count of one cell."""

import threading
import time
import uuid
from collections.abc import Sequence

from robot_daemon.config.cell_config import LimitsConfig, SyncConfig
from robot_daemon.control.active_cell import ActiveCell, close_cell
from robot_daemon.control.events import Event, EventListener, EventListeners, FieldValue, ended_event, raised_event
from robot_daemon.control.fault_rules import contact_fault, hand_fault, is_contact, persists
from robot_daemon.control.faults import FaultRegistry
from robot_daemon.control.limits import Limits
from robot_daemon.control.mode import Stopped, mode_of
from robot_daemon.control.session import ControlSession
from robot_daemon.hardware.devices import (
    ArmSample,
    BoundedArm,
    Cell,
    DeviceFault,
    FrameSample,
    GripperSample,
    LocatedArm,
)
from robot_daemon.sensing.real_time_sensors import RealTimeSensors
from robot_daemon.sensing.sensors import LockstepSensors, Sensors
from serl_api.enums import ArmMode, FaultSeverity, Pacing, SessionClass
from serl_api.errors.robot import (
    ControlHeldError,
    ControlTakenError,
    DeviceUnavailableError,
    DrainingError,
    FaultError,
    ModeError,
    NotFoundError,
    RobotError,
    StopLatchedError,
)
from serl_api.values import FullCompliance


class DaemonCore:
    """Owns a cell and the listeners to its events, which `close` closes. Any thread may call any method."""

    def __init__(
        self,
        cell: Cell,
        limits: LimitsConfig,
        *,
        sync: SyncConfig | None = None,
        compliance: FullCompliance | None = None,
        listeners: Sequence[EventListener] = (),
    ) -> None:
        self.boot_id = uuid.uuid4().hex
        self.default_compliance = compliance or FullCompliance()
        self.episode_number = 0
        self.step_index = 0
        self.lock = threading.RLock()
        """Guards every command to the devices and everything that permits one."""
        self.listener: EventListener = EventListeners(listeners)
        self._sync = sync or SyncConfig()
        self._session: ControlSession | None = None
        self._session_count = 0
        self._stopped: Stopped | None = None
        self._estops: dict[object, str] = {}
        self._is_draining = False
        self._last_arm_state: ArmSample | None = None
        self._is_arm_silent = False
        self._active_cell = self._set_up(cell, limits)
        self._active_cell.sensors.start()

    @property
    def active_cell(self) -> ActiveCell:
        """Returns the cell that is served; another one after `replace_cell`."""
        return self._active_cell

    @property
    def cell(self) -> Cell:
        """Returns the devices of the cell that is served."""
        return self._active_cell.cell

    @property
    def session(self) -> ControlSession | None:
        """Returns the open control session; None when there is none."""
        return self._session

    @property
    def stopped(self) -> Stopped | None:
        """Returns who latched `Stop`; None when nobody did."""
        return self._stopped

    @property
    def armed_estops(self) -> tuple[str, ...]:
        """Returns the names of the e-stop endpoints that are armed."""
        return tuple(self._estops.values())

    @property
    def mode(self) -> ArmMode:
        """Returns what the arm is doing, as far as the last sample shows."""
        return mode_of(self._active_cell.faults, self._stopped, self._session)

    def claim(
        self,
        client_name: str,
        peer: str,
        compliance: FullCompliance,
        *,
        session_class: SessionClass = SessionClass.LEARNER,
        take_over: bool = False,
    ) -> ControlSession:
        """Opens the control session.

        Args:
            client_name: Shown to others.
            peer: Address of the client.
            compliance: In force at the start.
            session_class: Of the session.
            take_over: Whether to end a session of a lower class, whose client is told by whom.

        Raises:
            ControlHeldError: Another client holds it, and it is not taken over.
            FaultError: A critical fault is active, or a hand is on the arm.
            StopLatchedError: `Stop` is latched.
            ModeError: The cell wants an e-stop endpoint, and none is armed.
            DrainingError: The daemon is shutting down.
        """
        self._active_cell.faults.refresh()
        with self.lock:
            self.require_motion()
            self._make_way(client_name, peer, session_class, take_over=take_over)
            self._session_count += 1
            self._session = ControlSession(
                number=self._session_count,
                client_name=client_name,
                peer=peer,
                session_class=session_class,
                cell=self.cell,
                compliance=compliance,
                command_timeout_ns=self._active_cell.command_timeout_ns,
                wrench_timeout_ns=self._active_cell.wrench_timeout_ns,
                lock=self.lock,
                listener=self.listener,
            )
            return self._session

    def _make_way(self, client_name: str, peer: str, session_class: SessionClass, *, take_over: bool) -> None:
        """Ends a session that gives way to a higher class. Raises ControlHeldError where it does not."""
        session = self._session
        if session is None:
            return
        may_take_over = session_class > session.session_class
        if not (take_over and may_take_over):
            raise ControlHeldError.by(session.client_name, session.peer, may_take_over=may_take_over)
        self.release(session, ControlTakenError.by(client_name, peer, self._session_count + 1))

    def release(self, session: ControlSession, reason: RobotError | None = None) -> None:
        """Ends a session and holds the arm; does nothing when it has ended."""
        with self.lock:
            if self._session is session:
                self._session = None
                session.end(reason)

    def require_motion(self) -> None:
        """Raises what forbids motion: draining, a critical fault, a hand on the arm, the stop latch, no e-stop."""
        if self._is_draining:
            raise DrainingError
        if self._active_cell.faults.forbidding:
            raise self._faulted()
        if self._stopped is not None:
            raise StopLatchedError.by(self._stopped.client_name, self._stopped.text)
        if self._lacks_estop:
            raise self._unguarded()

    def require_no_session(self) -> None:
        """Raises ControlHeldError while a session is open."""
        session = self._session
        if session is not None:
            raise ControlHeldError.by(session.client_name, session.peer)

    def stop(self, client_name: str, text: str) -> None:
        """Holds the arm at once, ends the session and latches."""
        with self.lock:
            self.cell.arm.hold()
            if self._stopped is None:
                self._stopped = Stopped(client_name=client_name or "an unnamed client", text=text)
                self.emit("stop_latched", warning=True, client=self._stopped.client_name, text=text)
            reason = StopLatchedError.by(self._stopped.client_name, self._stopped.text)
            if self._session is not None:
                self.release(self._session, reason)

    def arm_estop(self, client_name: str) -> object:
        """Arms an e-stop endpoint; returns what `disarm_estop` takes."""
        endpoint = object()
        with self.lock:
            self._estops[endpoint] = client_name
            self.emit("estop_armed", client=client_name)
        return endpoint

    def disarm_estop(self, endpoint: object) -> None:
        """Lets an e-stop endpoint leave; ends the session where the cell wants one and this was the last."""
        with self.lock:
            client_name = self._estops.pop(endpoint)
            self.emit("estop_disarmed", client=client_name)
            if self._lacks_estop and self._session is not None:
                self.release(self._session, self._unguarded())

    def clear_stop(self, client_name: str = "") -> None:
        """Releases the latch. Moves nothing."""
        with self.lock:
            if self._stopped is not None:
                self._stopped = None
                self.emit("stop_cleared", client=client_name)

    def recover(
        self, fault_ids: Sequence[str], client_name: str = ""
    ) -> tuple[tuple[DeviceFault, ...], tuple[DeviceFault, ...]]:
        """Clears faults; see `FaultRegistry.recover`."""
        active_cell = self._active_cell
        cleared, remaining = active_cell.faults.recover(
            tuple(fault_ids), lambda fault: persists(fault, active_cell, self.arm_state()[0])
        )
        self.emit("recovered", client=client_name, cleared=_listed(cleared), remaining=_listed(remaining))
        return cleared, remaining

    def watch(self, state: ArmSample) -> None:
        """Checks a sample and the devices for faults; a critical one ends the session."""
        bound = self._active_cell.limits.config.contact_force_n
        if is_contact(state, bound):
            self._active_cell.faults.raise_fault(contact_fault(state, bound))
        else:
            self._active_cell.faults.refresh()

    def arm_state(self) -> tuple[ArmSample, bool]:
        """Returns the newest state and whether the arm answers now; while it does not, the last state known.

        Raises:
            DeviceUnavailableError: The arm has never answered.
        """
        try:
            self._last_arm_state = self._active_cell.sensors.arm_state()
        except DeviceUnavailableError as error:
            if self._last_arm_state is None:
                raise DeviceUnavailableError(f"the arm has not answered yet: {error}", device="arm") from None
            return self._last_arm_state, False
        return self._last_arm_state, True

    def frame(self, camera: str) -> FrameSample:
        """Returns the newest frame of a camera.

        Raises:
            NotFoundError: No camera of that name.
            DeviceUnavailableError: It does not deliver.
        """
        self.require_cameras((camera,))
        frame = self._active_cell.sensors.newest_frame(camera)
        if frame is None:
            text = f"camera {camera} delivers no frames at present; check its cable, it returns by itself"
            raise DeviceUnavailableError(text, device=f"camera/{camera}")
        return frame

    def require_cameras(self, names: Sequence[str]) -> Sequence[str]:
        """Raises NotFoundError for a name that no camera has."""
        cameras = self.cell.cameras
        for name in names:
            if name not in cameras:
                raise NotFoundError.among("camera", name=name, available=list(cameras))
        return names

    def begin_episode(self) -> None:
        """Begins an episode: counts it and sets the step index to 0."""
        self.episode_number += 1
        self.step_index = 0

    def wall_ns(self, time_ns: int) -> int:
        """Converts an instant of the cell's clock to the wall clock, ns since the Unix epoch."""
        return time.time_ns() - self.cell.timebase.now_ns() + time_ns

    def replace_cell(self, cell: Cell, limits: LimitsConfig | None = None) -> None:
        """Serves another cell at the same address and closes the former one.

        Raises:
            ControlHeldError: A session is open.
        """
        with self.lock:
            self.require_no_session()
            former = self._active_cell
            former.sensors.close()
            self._last_arm_state = None
            self._active_cell = self._set_up(cell, limits or former.limits.config)
            self._active_cell.sensors.start()
        close_cell(former.cell)

    def drain(self) -> None:
        """Holds the arm, ends the session and refuses new ones."""
        with self.lock:
            self._is_draining = True
            if self._session is not None:
                self.release(self._session, DrainingError())

    def close(self) -> None:
        """Drains, ends every thread and closes the devices."""
        self.drain()
        self._active_cell.sensors.close()
        close_cell(self.cell)
        self.listener.close()

    def emit(self, name: str, *, warning: bool = False, **fields: FieldValue) -> None:
        """Emits an event of the present instant to the listeners."""
        self.listener.on_event(Event(name, self.cell.timebase.now_ns(), fields, is_warning=warning))

    def _set_up(self, cell: Cell, config: LimitsConfig) -> ActiveCell:
        gripper = cell.gripper
        faults = FaultRegistry(cell.arm, gripper, self._on_fault_change, config.critical_faults)
        limits = Limits(
            config,
            cell.arm.info,
            None if gripper is None else gripper.info,
            cell.arm.parts if isinstance(cell.arm, LocatedArm) else None,
        )
        if isinstance(cell.arm, BoundedArm):
            cell.arm.set_bounds(limits.motion_bounds)
        else:
            limits.forbid_wrenches()
        sensors: Sensors = LockstepSensors(cell, self._sync)
        timeout_ns = wrench_timeout_ns = 0
        if cell.timebase.pacing is Pacing.REAL_TIME:
            sensors = RealTimeSensors(
                cell,
                self._sync,
                raise_fault=faults.raise_fault,
                clear_fault=faults.clear_fault,
                on_sample=self._on_sample,
            )
            timeout_ns = round(config.command_timeout_s * 1e9)
            wrench_timeout_ns = min(timeout_ns, round(config.wrench_timeout_s * 1e9))
        return ActiveCell(
            cell=cell,
            limits=limits,
            faults=faults,
            sensors=sensors,
            command_timeout_ns=timeout_ns,
            wrench_timeout_ns=wrench_timeout_ns,
        )

    def _on_sample(self, arm: ArmSample | None, gripper: GripperSample | None) -> None:
        if (arm is None) is not self._is_arm_silent:
            self._is_arm_silent = arm is None
            self.emit("arm_silent" if arm is None else "arm_answers", warning=arm is None)
        if arm is not None:
            self.listener.sampled(arm, gripper)
            self.watch(arm)
        if self.lock.acquire(blocking=False):
            self.lock.release()
            self.listener.beat()

    def _on_fault_change(self, raised: Sequence[DeviceFault], ended: Sequence[DeviceFault]) -> None:
        critical = any(fault.severity is FaultSeverity.CRITICAL for fault in raised)
        with self.lock:
            if critical:
                self.cell.arm.hold()
            now_ns = self.cell.timebase.now_ns()
            for fault in raised:
                self.listener.on_event(raised_event(fault, now_ns))
            for fault in ended:
                self.listener.on_event(ended_event(fault, now_ns))
            session = self._session
            if session is not None and critical:
                self.release(session, self._faulted())
            elif session is not None and self._active_cell.faults.is_by_hand:
                self._active_cell.faults.raise_fault(
                    hand_fault(session.client_name, now_ns)
                )  # Critical: ends the session.

    @property
    def _lacks_estop(self) -> bool:
        return self._active_cell.limits.config.requires_estop and not self._estops

    def _unguarded(self) -> ModeError:
        text = "this cell moves only while an e-stop endpoint is armed; start `serl-robot estop` and leave it running"
        return ModeError(text, mode=self.mode.name)

    def _faulted(self) -> FaultError:
        faults = self._active_cell.faults.forbidding
        return FaultError.active(
            [fault.id for fault in faults],
            faults[0].text if faults else "",
            self.listener.recording_of(faults[0]) if faults else "",
            by_hand=not self._active_cell.faults.critical,
        )


def _listed(faults: Sequence[DeviceFault]) -> str:
    return ",".join(fault.id for fault in faults)
