"""Implements `Gripper` for the Franka Hand: targets become moves and grasps, states become motion and faults.

A *move* goes to a width and gives way to what it meets; a *grasp* closes with a force and keeps it. A target becomes a
grasp when the fingers have to close for it, so that what they hold is held; else it is a move. A grasp that runs, or
holds something, serves every further closing target with its force.
"""

import threading

import franky

from robot_daemon.drivers.franka_hand.commander import Command, Commander, Grasp, Homing, Move, Sample
from robot_daemon.drivers.franka_hand.options import MAX_FORCE, MAX_SPEED, FrankaHandOptions
from robot_daemon.hardware.devices import DeviceConnectError, DeviceFault, GripperSample, Timebase
from serl_api.cell import GripperInfo
from serl_api.enums import FaultSeverity, FaultSource, GripperMotion
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.values import GripperTarget

STROKE = 0.08
"""Largest opening with Franka's own fingers, m; used until homing has measured it."""
REACHED = 0.002
"""Distance from the target at which it counts as reached, m."""
LOST_ID = "gripper_lost"
INACTIVE_ID = "gripper_not_activated"
FAILED_ID = "gripper_command_failed"

_MIN_HOMED_WIDTH = 0.001


class FrankaHand:
    """Drives the hand of a Franka arm. No method waits for it.

    Raises:
        DeviceConnectError: The hand does not answer, or speaks another version.
    """

    def __init__(self, options: FrankaHandOptions, timebase: Timebase) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._faults: dict[str, DeviceFault] = {}
        self._target: GripperTarget | None = None
        self._commander = Commander(options.host, self, timebase.now_ns)
        self._commander.start()
        error = self._commander.wait_for_sample(options.connect_timeout_s)
        if error is not None:
            self._commander.close()
            raise DeviceConnectError(_explain(options.host, error)) from None
        sample = self._commander.sample
        is_homed = sample is not None and _is_homed(sample)
        self.info = GripperInfo(
            model="franka-hand",
            max_width=sample.max_width if sample is not None and is_homed else STROKE,
            max_force=MAX_FORCE,
            max_speed=MAX_SPEED,
        )
        """Constant facts of the gripper."""
        if options.activate and not is_homed:
            self.activate()

    def read_state(self) -> GripperSample:
        """Returns the newest sample. Raises DeviceUnavailableError while the hand is lost."""
        sample, target = self._commander.sample, self._target
        if sample is None:
            raise DeviceUnavailableError("the Franka Hand does not answer; it returns by itself")
        width = sample.width if target is None else target.width
        return GripperSample(
            time_ns=sample.time_ns, width=sample.width, target_width=width, motion=self._motion(sample, width)
        )

    def set_target(self, target: GripperTarget) -> None:
        """Moves or grasps; the newest target wins and stops what runs.

        Ignored while the hand is lost or not homed, which `faults` tells, and during homing.
        """
        sample = self._commander.sample
        if sample is None or not _is_homed(sample) or self._is_homing:
            return
        if self._target is None or not self._is_like(self._target, target):
            command = self._command(target, sample.width)
            if not self._serves(command):
                self._commander.submit(command)
            self._target = target

    def activate(self) -> None:
        """Begins homing: the fingers close and open fully."""
        self._target = None
        self._commander.submit(Homing())

    def faults(self) -> tuple[DeviceFault, ...]:
        """Returns active faults."""
        return tuple(self._faults.values()) if self._faults else ()

    def recover(self, fault_ids: tuple[str, ...]) -> None:
        """Forgets a failed command."""
        if FAILED_ID in fault_ids:
            self._drop(FAILED_ID)

    def close(self) -> None:
        """Lets go of the hand; a command that runs is stopped, a complete grasp keeps its force."""
        self._commander.close()

    def note_sample(self, sample: Sample) -> None:
        """Takes in a state: the hand is there, and says whether it is homed."""
        self._drop(LOST_ID)
        if _is_homed(sample) or self._is_homing:
            self._drop(INACTIVE_ID)
        else:
            text = "the Franka Hand is not homed and ignores targets; home it (serl-robot gripper --activate)"
            self._raise(INACTIVE_ID, f"{text}; the fingers then close and open fully", sample.time_ns)

    def note_loss(self, reason: str, time_ns: int) -> None:
        """Takes in that the hand cannot be reached, and forgets its command."""
        self._target = None
        self._drop(INACTIVE_ID)
        text = f"the Franka Hand at {self._options.host} is lost: {reason}; check the network and that FCI is enabled"
        self._raise(LOST_ID, f"{text}, it returns by itself and then stays still until it is told to move", time_ns)

    def note_end(self, failure: str | None, time_ns: int) -> None:
        """Takes in how a command ended."""
        if failure is None:
            self._drop(FAILED_ID)
        else:
            text = f"the Franka Hand gave a command up ({failure}); free the fingers and give another target"
            self._raise(FAILED_ID, text, time_ns, clearable=True)

    @property
    def _is_homing(self) -> bool:
        progress = self._commander.progress
        return isinstance(progress.command, Homing) and progress.ended_ns is None

    def _command(self, target: GripperTarget, width: float) -> Command:
        speed = target.speed or self._options.default_speed_m_per_s
        goal = min(max(target.width, 0.0), self.info.max_width)
        if goal < width and (target.force > 0.0 or goal < self._options.grasp_below_m):
            return Grasp(goal, speed, target.force or self._options.default_force_n)
        return Move(goal, speed)

    def _serves(self, command: Command) -> bool:
        """Returns whether the present grasp does what a command asks for: where it ends is up to the object."""
        present = self._commander.progress.command
        if not isinstance(present, Grasp) or not isinstance(command, Grasp) or FAILED_ID in self._faults:
            return False
        return (present.speed, present.force) == (command.speed, command.force)

    def _is_like(self, one: GripperTarget, other: GripperTarget) -> bool:
        is_near = abs(one.width - other.width) < max(self._options.dead_zone_m, 1e-9)
        return is_near and (one.speed, one.force) == (other.speed, other.force)

    def _motion(self, sample: Sample, target_width: float) -> GripperMotion:
        progress = self._commander.progress
        if progress.ended_ns is None or sample.time_ns <= progress.ended_ns:
            return GripperMotion.MOVING
        if not _is_homed(sample):
            return GripperMotion.INACTIVE
        if self._target is None:
            return GripperMotion.OBJECT_HELD if sample.is_grasped else GripperMotion.AT_TARGET
        if abs(sample.width - target_width) <= REACHED:
            return GripperMotion.AT_TARGET
        if sample.width < target_width and FAILED_ID in self._faults:
            return GripperMotion.FAULTED
        if isinstance(progress.command, Grasp) and not sample.is_grasped:
            return GripperMotion.AT_TARGET  # It closed on nothing, wherever the target was.
        return GripperMotion.OBJECT_HELD

    def _raise(self, name: str, text: str, time_ns: int, *, clearable: bool = False) -> None:
        fault = DeviceFault(
            id=name,
            source=FaultSource.GRIPPER,
            severity=FaultSeverity.WARNING,
            onset_time_ns=time_ns,
            text=text,
            clearable=clearable,
        )
        with self._lock:
            if name not in self._faults:
                self._faults = self._faults | {name: fault}

    def _drop(self, name: str) -> None:
        if name in self._faults:
            with self._lock:
                self._faults = {key: fault for key, fault in self._faults.items() if key != name}


def _is_homed(sample: Sample) -> bool:
    return sample.max_width >= _MIN_HOMED_WIDTH


def _explain(host: str, error: Exception) -> str:
    """Says why the hand cannot be reached, in one sentence with the way out."""
    if isinstance(error, franky.IncompatibleVersionException):
        return (
            f"the Franka Hand at {host} speaks another version than libfranka here ({str(error).partition('. ')[0]}); "
            "it needs the robot's system image 5.9.0 or newer"
        )
    reason = str(error).partition(". ")[0].removeprefix("libfranka: ").rstrip(".")
    return f"no Franka Hand at {host} ({reason}); check the address, that FCI is enabled, and the hand in Desk"
