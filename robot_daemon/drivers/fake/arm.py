"""Implements a fake arm that obeys a formula.

It is a critically damped spring towards its target with a speed limit. Its kinematics are simple and self-consistent:
joints 1 to 3 translate the TCP by `REACH_M_PER_RAD` along the base axes, joints 4 to 6 are the rotation vector from its
home orientation, joint 7 does nothing.
"""

import math
import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from robot_daemon.hardware.devices import ArmSample, DeviceFault, MotionBounds, Timebase
from robot_daemon.hardware.kinematics import ArmParts
from serl_api.cell import ArmInfo
from serl_api.enums import ControlMode, FaultSeverity, FaultSource
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.rotation import Quaternion, conjugate, from_rotvec, multiply, to_rotvec
from serl_api.values import FloatArray, FullCompliance, JointTarget, Load, Pose, Target

REACH_M_PER_RAD = 0.25
FREQUENCY_RAD_PER_S = 25.0
MAX_SPEED_RAD_PER_S = 8.0
SUBSTEP_S = 0.01
_MAX_ERROR = math.e * MAX_SPEED_RAD_PER_S / FREQUENCY_RAD_PER_S
"""Error of a critically damped spring, rad, whose peak speed is the limit."""
_REST = 1e-12
_ZEROS = np.zeros(7)
HOME_POSITION = (0.4, 0.0, 0.25)
HOME_QUATERNION: Quaternion = (1.0, 0.0, 0.0, 0.0)


class FakeArm:
    """Follows its target; `inject_fault` and `set_connected` make it misbehave, `take_by_hand` guides it."""

    def __init__(self, timebase: Timebase, home: FloatArray | None = None) -> None:
        self._timebase = timebase
        self._lock = threading.Lock()
        home = np.zeros(7) if home is None else home
        self.info = ArmInfo(
            model="fake",
            joint_lower=np.full(7, -2.8),
            joint_upper=np.full(7, 2.8),
            joint_speed=np.full(7, 6.0),
            home=home,
            home_tcp_pose=Pose(_position(home.tolist()), np.array(_quaternion(home.tolist()))),
            control_modes=frozenset({ControlMode.CARTESIAN_IMPEDANCE, ControlMode.JOINT_IMPEDANCE, ControlMode.WRENCH}),
        )
        self._positions: list[float] = home.tolist()
        self._velocities = [0.0] * 7
        self._target: list[float] = home.tolist()
        self._resting: ArmSample | None = None
        self._time_ns = timebase.now_ns()
        self._faults: dict[str, DeviceFault] = {}
        self._is_connected = True
        self.external_wrench = np.zeros(6)
        self.compliance = FullCompliance()
        self.load: Load | None = None
        self.bounds: MotionBounds | None = None
        self.is_closed = False
        self.hold_count = 0

    def read_state(self) -> ArmSample:
        """Returns the state now. While the arm rests, the arrays of the last state are used again."""
        with self._lock:
            if not self._is_connected:
                raise DeviceUnavailableError("the fake arm was disconnected")
            self._advance()
            state = self._resting
            if state is None or state.external_wrench is not self.external_wrench:
                self._resting = state = self._sample()
            if state.time_ns == self._time_ns:
                return state
            return replace(state, time_ns=self._time_ns)

    def set_target(self, target: Target) -> None:
        """Follows a target; a wrench displaces it in proportion."""
        with self._lock:
            self._advance()
            if self._faults:  # Hand guiding among them.
                return
            if isinstance(target, Pose):
                goal = _inverse(target, self._positions[6])
            elif isinstance(target, JointTarget):
                goal = target.positions.tolist()
            else:
                scale = (0.01,) * 3 + (0.1,) * 3
                pushes = zip(self._positions, target.wrench.tolist(), scale, strict=False)
                goal = [q + w * factor for q, w, factor in pushes] + self._positions[6:]
                if self.bounds is not None:
                    ends = zip(self.bounds.lower.tolist(), self.bounds.upper.tolist(), HOME_POSITION, strict=True)
                    reach = [
                        ((low - home) / REACH_M_PER_RAD, (top - home) / REACH_M_PER_RAD) for low, top, home in ends
                    ]
                    goal[:3] = [min(max(q, low), top) for q, (low, top) in zip(goal[:3], reach, strict=True)]
            if goal != self._target:
                self._target = goal

    def hold(self) -> None:
        """Stops where it is."""
        with self._lock:
            self._advance()
            self._stop()

    def set_compliance(self, compliance: FullCompliance) -> None:
        """Keeps the value for tests to read."""
        self.compliance = compliance

    def set_bounds(self, bounds: MotionBounds) -> None:
        """Keeps pushes of wrenches within the box."""
        self.bounds = bounds

    def parts(self, joints: FloatArray) -> ArmParts:
        """Returns where the TCP would be; the fake arm has no other part."""
        positions = np.array(HOME_POSITION) + REACH_M_PER_RAD * joints[:, None, :3]
        return ArmParts(("tcp",), np.zeros(1), positions)

    def restore_load(self) -> None:
        """Forgets the load."""
        self.load = None

    def set_load(self, load: Load) -> None:
        """Keeps the value for tests to read."""
        self.load = load

    def faults(self) -> tuple[DeviceFault, ...]:
        """Returns the injected faults."""
        return tuple(self._faults.values()) if self._faults else ()

    def recover(self, fault_ids: tuple[str, ...]) -> None:
        """Clears the injected faults that can be cleared."""
        for fault_id in fault_ids:
            fault = self._faults.get(fault_id)
            if fault is not None and fault.clearable:
                del self._faults[fault_id]

    def close(self) -> None:
        """Remembers that it was closed."""
        self.is_closed = True

    def inject_fault(self, fault_id: str = "contact_reflex", *, clearable: bool = True) -> None:
        """Stops the arm by a critical fault."""
        self._raise(fault_id, FaultSeverity.CRITICAL, "the fake arm was told to stop by a reflex", clearable=clearable)

    def take_by_hand(self) -> None:
        """Begins to guide the arm: it ignores targets until `let_go`, and stands where `lead_to` puts it."""
        text = "somebody guides the fake arm by hand; let it go"
        self._raise("guiding", FaultSeverity.WARNING, text, clearable=False, by_hand=True)

    def lead_to(self, positions: FloatArray) -> None:
        """Puts a guided arm at joint positions. Shape (7,), rad."""
        with self._lock:
            self._advance()
            self._positions = positions.tolist()
            self._resting = None
            self._stop()

    def let_go(self) -> None:
        """Ends guiding; the arm stays where it is."""
        with self._lock:
            self._faults.pop("guiding", None)

    def set_connected(self, *, connected: bool) -> None:
        """Lets the arm answer, or not."""
        self._is_connected = connected

    def _raise(self, name: str, severity: FaultSeverity, text: str, *, clearable: bool, by_hand: bool = False) -> None:
        with self._lock:
            self._advance()
            self._stop()
            self._faults[name] = DeviceFault(
                id=name,
                source=FaultSource.ARM,
                severity=severity,
                onset_time_ns=self._timebase.now_ns(),
                text=text,
                clearable=clearable,
                by_hand=by_hand,
            )

    def _stop(self) -> None:
        self._target = list(self._positions)
        self._velocities = [0.0] * 7
        self.hold_count += 1

    def _sample(self) -> ArmSample:
        q = self._positions
        jacobian = _jacobian(q)
        velocities = np.array(self._velocities)
        return ArmSample(
            time_ns=self._time_ns,
            joint_positions=np.array(q),
            joint_velocities=velocities,
            joint_torques=_ZEROS,
            external_joint_torques=_ZEROS,
            tcp_pose=Pose(_position(q), np.array(_quaternion(q))),
            tcp_twist=jacobian @ velocities,
            external_wrench=self.external_wrench,
            jacobian=jacobian,
        )

    def _advance(self) -> None:
        """Integrates from the last call to now, in closed form while the speed limit does not bite."""
        now = self._timebase.now_ns()
        remaining = (now - self._time_ns) * 1e-9
        self._time_ns = now
        if remaining <= 0.0 or (self._positions == self._target and not any(self._velocities)):
            return
        self._resting = None
        while remaining > 0.0:
            slow = max(abs(q - goal) for q, goal in zip(self._positions, self._target, strict=True)) <= _MAX_ERROR
            step = remaining if slow else min(remaining, SUBSTEP_S)
            self._integrate(step)
            remaining -= step

    def _integrate(self, step: float) -> None:
        w, decay = FREQUENCY_RAD_PER_S, math.exp(-FREQUENCY_RAD_PER_S * step)
        for joint, (q, dq, goal) in enumerate(zip(self._positions, self._velocities, self._target, strict=True)):
            error = min(max(q - goal, -_MAX_ERROR), _MAX_ERROR)
            slope = dq + w * error
            left = error + slope * step
            at_rest = abs(left) * decay < _REST and abs(slope) * decay < _REST
            self._positions[joint] = goal if at_rest else q - error + left * decay
            self._velocities[joint] = 0.0 if at_rest else (slope - w * left) * decay


def _position(q: Sequence[float]) -> FloatArray:
    x, y, z = HOME_POSITION
    return np.array((x + REACH_M_PER_RAD * q[0], y + REACH_M_PER_RAD * q[1], z + REACH_M_PER_RAD * q[2]))


def _quaternion(q: Sequence[float]) -> Quaternion:
    return multiply(from_rotvec((q[3], q[4], q[5])), HOME_QUATERNION)


def _inverse(target: Pose, last_joint: float) -> list[float]:
    x, y, z, w = target.quaternion_xyzw.tolist()
    turned = to_rotvec(multiply((x, y, z, w), conjugate(HOME_QUATERNION)))
    moved = [(a - b) / REACH_M_PER_RAD for a, b in zip(target.position.tolist(), HOME_POSITION, strict=True)]
    return [*moved, *turned, last_joint]


def _jacobian(q: Sequence[float]) -> FloatArray:
    """Computes the TCP's Jacobian in base axes; its angular part is the left Jacobian of the rotation group."""
    jacobian = np.zeros((6, 7))
    jacobian[0, 0] = jacobian[1, 1] = jacobian[2, 2] = REACH_M_PER_RAD
    x, y, z = q[3], q[4], q[5]
    angle = math.sqrt(x * x + y * y + z * z)
    small = angle < 1e-4
    first = 0.5 if small else (1.0 - math.cos(angle)) / angle**2
    second = 1.0 / 6.0 if small else (angle - math.sin(angle)) / angle**3
    skew = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    jacobian[3:, 3:6] = np.eye(3) + first * skew + second * (skew @ skew)
    return jacobian
