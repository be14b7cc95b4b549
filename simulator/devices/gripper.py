"""Implements the simulated gripper."""

from robot_daemon.hardware.devices import DeviceFault, GripperSample
from serl_api.cell import GripperInfo
from serl_api.enums import GripperMotion
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.values import GripperTarget
from simulator.devices.delays import Delays
from simulator.devices.injection import Condition, Injections
from simulator.model.gripper_model import (
    DEFAULT_FORCE,
    FINGER_ACTUATORS,
    FINGER_JOINTS,
    MAX_FORCE,
    MAX_SPEED,
    MAX_WIDTH,
    MIN_FORCE,
    MIN_SPEED,
)
from simulator.model.mount import ALONE, Mount
from simulator.physics.physics import Physics

STILL_SPEED = 0.004
"""Opening speed below which the fingers count as standing, m/s."""
WIDTH_TOLERANCE = 0.001
"""Distance from the target at which it counts as reached, m."""

_INFO = GripperInfo(model="parallel-jaw-85", max_width=MAX_WIDTH, max_force=MAX_FORCE, max_speed=MAX_SPEED)


class MujocoGripper:
    """Moves two fingers whose set-points run at the asked speed inside the physics."""

    def __init__(self, physics: Physics, injections: Injections, delays: Delays, mount: Mount = ALONE) -> None:
        model = physics.model
        self._physics = physics
        self._injections = injections
        self._delays = delays
        first = int(model.jnt_qposadr[model.joint(mount.name(FINGER_JOINTS[0])).id])
        self._position = slice(first, first + 2)
        first = int(model.jnt_dofadr[model.joint(mount.name(FINGER_JOINTS[0])).id])
        self._velocity = slice(first, first + 2)
        first = model.actuator(mount.name(FINGER_ACTUATORS[0])).id
        self._actuators = slice(first, first + 2)
        first = int(model.actuator_actadr[first])
        self._activation = slice(first, first + 2)
        self._target = GripperTarget(width=MAX_WIDTH)
        self._is_jammed = False
        self.is_silent = False
        """Whether the gripper answers no more, as after a lost connection."""

    @property
    def info(self) -> GripperInfo:
        """Returns constant facts of the gripper."""
        return _INFO

    def read_state(self) -> GripperSample:
        """Returns the state now. Raises DeviceUnavailableError when the physics has died."""
        if self.is_silent:
            raise DeviceUnavailableError("the simulated gripper is silent because its physics died; see the log")
        with self._physics.lock:
            self._follow_jam()
            data = self._physics.data
            left, right = data.qpos[self._position].tolist()
            speed = float(data.qvel[self._velocity].sum())
            set_point = float(data.act[self._activation].sum())
            forces = data.actuator_force[self._actuators].tolist()
            time_ns = self._physics.time_ns
        width = max(0.0, left + right)
        return GripperSample(
            time_ns=time_ns,
            width=width,
            target_width=self._target.width,
            motion=self._motion(width, speed, set_point),
            force=max(0.0, -0.5 * (forces[0] + forces[1])),
        )

    def set_target(self, target: GripperTarget) -> None:
        """Moves the fingers; the newest target wins. Repeating the present target changes nothing."""
        with self._physics.lock:
            self._delays.carry_out("gripper", lambda: self._move(target))

    def _move(self, target: GripperTarget) -> None:
        if target == self._target:
            return
        self._target = target
        self._follow_jam()
        if not self._is_jammed:
            self._apply()

    def activate(self) -> None:
        """Opens fully, as the real one does in its activation cycle."""
        self.set_target(GripperTarget(width=MAX_WIDTH))

    def faults(self) -> tuple[DeviceFault, ...]:
        """Reports none: a simulated gripper has no faults of its own."""
        return ()

    def recover(self, fault_ids: tuple[str, ...]) -> None:
        """Does nothing: there is no fault to clear."""

    def place(self, width: float) -> None:
        """Puts the fingers at an opening at once. Call between `Physics.restart` and `Physics.settle_state`."""
        data = self._physics.data
        half = 0.5 * min(max(width, 0.0), MAX_WIDTH)
        data.qpos[self._position] = half
        data.act[self._activation] = half
        data.ctrl[self._actuators] = 0.0
        self._target = GripperTarget(width=2.0 * half)
        self._is_jammed = False
        self._apply()

    def close(self) -> None:
        """Leaves the fingers where they are."""

    def _apply(self) -> None:
        """Sends the set-points on their way: they run at constant speed and stop at the border of their range."""
        model, data = self._physics.model, self._physics.data
        goal = 0.5 * min(max(self._target.width, 0.0), MAX_WIDTH)
        speed = 0.5 * (min(max(self._target.speed, MIN_SPEED), MAX_SPEED) if self._target.speed > 0.0 else MAX_SPEED)
        force = min(max(self._target.force, MIN_FORCE), MAX_FORCE) if self._target.force > 0.0 else DEFAULT_FORCE
        measured = 0.5 * float(data.qpos[self._position].sum())
        set_point = 0.5 * float(data.act[self._activation].sum())
        # A set-point that pressed on something starts from the fingers when they open, not from inside the object.
        start = max(set_point, measured) if goal > set_point else min(set_point, max(measured, goal))
        data.act[self._activation] = start
        data.ctrl[self._actuators] = speed if goal > start else -speed
        model.actuator_actrange[self._actuators] = (min(start, goal), max(start, goal))
        model.actuator_forcerange[self._actuators] = (-force, force)

    def _motion(self, width: float, speed: float, set_point: float) -> GripperMotion:
        if self._is_jammed or abs(width - self._target.width) <= WIDTH_TOLERANCE:
            return GripperMotion.MOVING if self._is_jammed else GripperMotion.AT_TARGET
        presses = width - set_point > WIDTH_TOLERANCE and abs(speed) < STILL_SPEED
        return GripperMotion.OBJECT_HELD if presses else GripperMotion.MOVING

    def _follow_jam(self) -> None:
        jammed = self._injections.is_active(Condition.GRIPPER_JAM)
        if jammed and not self._is_jammed:
            width = float(self._physics.data.qpos[self._position].sum())
            wanted, self._target = self._target, GripperTarget(width=width, force=self._target.force)
            self._apply()
            self._target = wanted
        elif self._is_jammed and not jammed:
            self._apply()
        self._is_jammed = jammed
