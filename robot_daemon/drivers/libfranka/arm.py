"""A Franka arm as the daemon sees it: targets in, samples out, faults that only a recovery clears."""

import logging
import threading

import franky
import numpy as np

from robot_daemon.devices import (
    ArmInfo,
    ArmState,
    Compliance,
    ControlMode,
    DeviceConnectError,
    DeviceFault,
    DeviceUnavailableError,
    FaultSeverity,
    FaultSource,
    JointTarget,
    Load,
    Target,
    TcpTarget,
    Timebase,
)
from robot_daemon.drivers.libfranka.facts import FACTS, flange_of, joint_frames
from robot_daemon.drivers.libfranka.options import FrankaOptions
from robot_daemon.drivers.libfranka.owner import Owner
from robot_daemon.drivers.libfranka.sample import Sample, arm_state
from robot_daemon.drivers.libfranka.texts import connect_text, error_names, silent_text

logger = logging.getLogger(__name__)

CONTACT_REFLEX = "contact_reflex"
REFLEX = "arm_reflex"
USER_STOP = "arm_user_stop"
GUIDING = "arm_guiding"
NOT_READY = "arm_not_ready"
CONNECTION = "arm_connection_lost"
CONTROL = "arm_control_failed"

SILENT_AFTER_S = 0.3
"""Age of the newest state at which the arm counts as silent."""

_CONTACTS = frozenset({"joint_reflex", "cartesian_reflex"})
"""Errors by which libfranka says that a threshold of contact was exceeded."""

_MODE_FAULTS = {
    franky.RobotMode.UserStopped: (
        USER_STOP,
        "the user stop is pressed; release it, look whether the way is free, then recover",
    ),
    franky.RobotMode.Guiding: (
        GUIDING,
        "somebody guides the arm by hand; put it back into execution mode, then recover",
    ),
    franky.RobotMode.Other: (NOT_READY, "the joints are locked; unlock them in Desk and activate FCI, then recover"),
}


class FrankaArm:
    """Implements `robot_daemon.devices.Arm`. Connects when made; nothing moves until a target comes.

    Args:
        options: Of the cell's file.
        timebase: The cell's clock.

    Raises:
        DeviceConnectError: It cannot be reached or controlled; one sentence with the way out.
    """

    def __init__(self, options: FrankaOptions, timebase: Timebase) -> None:
        self._options = options
        self._timebase = timebase
        facts = FACTS[options.model]
        self._home = np.array(facts.home if options.home_rad is None else options.home_rad)
        self._lock = threading.Lock()
        self._faults: dict[str, DeviceFault] = {}
        self._converted: tuple[Sample, ArmState] | None = None
        self._owner = Owner(options, self._home, timebase.now_ns, self._on_failure)
        self._connect()
        self._info = self._describe()

    @property
    def info(self) -> ArmInfo:
        """Constant facts."""
        return self._info

    def read_state(self) -> ArmState:
        """Newest sample. Raises DeviceUnavailableError when the arm is silent."""
        sample = self._owner.sample
        silence_s = self._silence_s(sample)
        if sample is None or not self._owner.is_connected or silence_s > SILENT_AFTER_S:
            raise DeviceUnavailableError(f"the arm at {self._options.host} has been silent for {silence_s:.1f} s")
        converted = self._converted
        if converted is not None and converted[0] is sample:
            return converted[1]
        state = arm_state(sample)
        self._converted = (sample, state)
        return state

    def set_target(self, target: Target) -> None:
        """Tracks a target from now on; ignored while a critical fault is active."""
        with self._lock:
            if not self._faults:
                self._owner.wish(target)

    def hold(self) -> None:
        """Holds the pose measured now, or the joint positions when those were tracked.

        An arm that tracks nothing is held by the control box already.
        """
        with self._lock:
            target, sample = self._owner.target, self._owner.sample
            if target is None or sample is None:
                return
            state = sample.state
            if isinstance(target, JointTarget):
                self._owner.wish(JointTarget(positions=np.array(state.q)))
            else:
                pose = state.O_T_EE
                held = TcpTarget(position=np.array(pose.translation), quaternion=np.array(pose.quaternion))
                self._owner.wish(held)

    def set_compliance(self, compliance: Compliance) -> None:
        """Changes the Cartesian impedance, also while moving."""
        self._owner.set_compliance(compliance)

    def set_load(self, load: Load) -> None:
        """Tells the control box what the flange carries besides its tool; a moving arm rests for that."""
        deadline = self._options.command_deadline_s
        self._owner.ask_at_rest(
            lambda robot: robot.set_load(load.mass, list(load.center_of_mass), list(load.inertia)), deadline
        )

    def faults(self) -> tuple[DeviceFault, ...]:
        """Active faults."""
        self._watch()
        return tuple(self._faults.values())

    def recover(self, fault_ids: tuple[str, ...]) -> None:
        """Clears faults whose cause has gone, after the control box's own recovery where it needs one."""
        with self._lock:
            chosen = [name for name in self._faults if name in fault_ids]
        if not chosen or not self._owner.is_connected:
            return
        try:
            self._owner.ask(_recover, self._options.command_deadline_s)
            self._owner.ask(lambda _: None, self._options.command_deadline_s)  # After a turn the sample is a new one.
        except Exception as error:  # noqa: BLE001 - franky has exceptions of its own.
            logger.warning("the arm did not recover: %s", error)
            return
        sample = self._owner.sample
        if sample is None or self._trouble(sample) is not None:
            return
        with self._lock:
            for name in chosen:
                self._faults.pop(name, None)

    def close(self) -> None:
        """Brings the arm to rest and lets go of it."""
        self._owner.close()

    def _connect(self) -> None:
        host, deadline = self._options.host, 2.0 * self._options.command_deadline_s
        try:
            self._owner.start(deadline)
        except TimeoutError:
            raise DeviceConnectError(silent_text(host, deadline)) from None
        except Exception as error:  # noqa: BLE001 - franky has exceptions of its own.
            raise DeviceConnectError(connect_text(host, error)) from None

    def _describe(self) -> ArmInfo:
        facts, sample = FACTS[self._options.model], self._owner.sample
        assert sample is not None
        home = flange_of(joint_frames(self._home))
        tcp = franky.Affine(home) * sample.state.F_T_EE
        return ArmInfo(
            model=self._options.model,
            joint_lower=facts.lower,
            joint_upper=facts.upper,
            joint_speed=facts.speed,
            home=self._home,
            home_tcp_position=np.array(tcp.translation),
            home_tcp_quaternion=np.array(tcp.quaternion),
            control_modes=(ControlMode.CARTESIAN_IMPEDANCE, ControlMode.JOINT_IMPEDANCE, ControlMode.WRENCH),
        )

    def _silence_s(self, sample: Sample | None) -> float:
        return float("inf") if sample is None else (self._timebase.now_ns() - sample.time_ns) * 1e-9

    def _watch(self) -> None:
        sample = self._owner.sample
        if sample is None:
            return
        trouble = self._trouble(sample)
        if trouble is not None:
            self._raise(*trouble)
        if self._silence_s(sample) > self._options.command_deadline_s:
            self._raise(CONNECTION, silent_text(self._options.host, self._options.command_deadline_s))

    def _trouble(self, sample: Sample) -> tuple[str, str] | None:
        """Identifier and text of what a state says is wrong."""
        state = sample.state
        if state.robot_mode in _MODE_FAULTS:
            return _MODE_FAULTS[state.robot_mode]
        if state.robot_mode == franky.RobotMode.Reflex:
            names = error_names(state.current_errors) or error_names(state.last_motion_errors)
            text = f"the arm stopped by a reflex ({', '.join(names) or 'no reason given'})"
            is_contact = bool(_CONTACTS.intersection(names))
            return CONTACT_REFLEX if is_contact else REFLEX, f"{text}; free it if need be, then recover"
        return None

    def _on_failure(self, text: str, is_connection: bool) -> None:  # noqa: FBT001 - a callback.
        sample = self._owner.sample
        trouble = None if sample is None or is_connection else self._trouble(sample)
        if trouble is not None:
            self._raise(*trouble)
        elif is_connection:
            self._raise(
                CONNECTION, f"the connection to the arm at {self._options.host} is lost ({text}); it is sought again"
            )
        else:
            self._raise(CONTROL, f"the arm's controller ended: {text}")

    def _raise(self, fault_id: str, text: str) -> None:
        with self._lock:
            if fault_id in self._faults:
                return
            self._owner.wish(None)
            fault = DeviceFault(
                id=fault_id,
                source=FaultSource.ARM,
                severity=FaultSeverity.CRITICAL,
                onset_time_ns=self._timebase.now_ns(),
                text=text,
            )
            self._faults = {fault_id: fault, **self._faults}


def _recover(robot: franky.Robot) -> None:
    if robot.has_errors or robot.state.robot_mode == franky.RobotMode.Reflex:
        robot.recover_from_errors()
