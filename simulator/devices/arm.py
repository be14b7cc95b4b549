"""Implements the simulated arm."""

import math

import mujoco
import numpy as np

from robot_daemon.hardware.devices import ArmSample, DeviceFault, MotionBounds
from robot_daemon.hardware.holding import BRAKING_NS, is_slow
from robot_daemon.hardware.interpolation import Leg
from robot_daemon.hardware.kinematics import ArmParts, SerialArm
from serl_api.cell import ArmInfo
from serl_api.enums import ControlMode, FaultSeverity, FaultSource
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.values import FloatArray, FullCompliance, JointTarget, Load, Pose, Target
from simulator.devices.delays import Delays
from simulator.devices.injection import Condition, Injections
from simulator.model.arm_table import ArmTable
from simulator.model.gripper_model import TCP_OFFSET
from simulator.model.mount import ALONE, Mount
from simulator.physics.impedance import Impedance
from simulator.physics.physics import Physics

REFLEX_FAULT = "contact_reflex"
JOINT_LIMIT_FAULT = "joint_limit"
DIVERGED_FAULT = "physics_diverged"
GUIDING_FAULT = "guiding"

REFLEX_FORCE = 600.0
"""External force at which the arm stops by itself, N: a crash. The daemon's own bound lies below."""
JOINT_LIMIT_MARGIN = 0.01
"""Distance from a joint limit at which the arm warns, rad."""

_REGULARIZATION = 1e-8 * np.eye(6)  # Keeps the wrench finite at singular postures.


class MujocoArm:
    """Commands an arm under the impedance law that runs inside the physics."""

    def __init__(
        self,
        physics: Physics,
        table: ArmTable,
        impedance: Impedance,
        injections: Injections,
        delays: Delays,
        mount: Mount = ALONE,
    ) -> None:
        self._mount = mount
        self._at, self._dofs = mount.positions(physics.model), mount.velocities(physics.model)
        self._physics = physics
        self._impedance = impedance
        self._injections = injections
        self._delays = delays
        self._tcp = physics.model.site(mount.name("tcp")).id
        self._hand = physics.model.body(mount.name("hand")).id
        self._jacobian = np.zeros((6, physics.model.nv))
        self._linear, self._angular = self._jacobian[:3], self._jacobian[3:]
        self._quat = np.zeros(4)
        self._sample: tuple[int, ArmSample] | None = None
        self._faults: dict[str, DeviceFault] = {}
        self._warnings: tuple[DeviceFault, ...] = ()
        self._info = _arm_info(physics, table, mount)
        self._warn_lower = self._info.joint_lower + JOINT_LIMIT_MARGIN
        self._warn_upper = self._info.joint_upper - JOINT_LIMIT_MARGIN
        self._kinematics = SerialArm(np.array((0.0, 0.0, TCP_OFFSET)))
        self._load_weight = 0.0
        self._divergence_count = 0
        self._guiding: DeviceFault | None = None
        self._braking_end_ns: int | None = None
        self._period_s = 0.0
        self._leg: Leg | None = None
        self.is_silent = False
        """Whether the arm answers no more, as after a lost connection."""

    @property
    def info(self) -> ArmInfo:
        """Returns constant facts of the arm."""
        return self._info

    def read_state(self) -> ArmSample:
        """Returns the state now. Raises DeviceUnavailableError when the physics has died."""
        self._notice_hand()
        if self.is_silent:
            raise DeviceUnavailableError("the simulated arm is silent because its physics died; see the log")
        with self._physics.lock:
            kept = self._sample
            if kept is not None and kept[0] == self._physics.step_count and kept[1].time_ns == self._physics.time_ns:
                return kept[1]
            state = self._measure()
            self._sample = (self._physics.step_count, state)
        self._watch(state)
        return state

    def set_pace(self, period_s: float) -> None:
        """Says when the target after the next one can be expected, s."""
        self._period_s = period_s

    def set_target(self, target: Target) -> None:
        """Tracks a target from now on. Ignored while a critical fault is active or a hand is on the arm."""
        with self._physics.lock:
            period_s = self._period_s
            self._delays.carry_out("arm", lambda: self._track(target, period_s))

    def _track(self, target: Target, period_s: float) -> None:
        self._notice_hand()
        with self._physics.lock:
            if self._faults or self._guiding is not None:
                return
            self._braking_end_ns = None
            state = self._present()
            leg, self._leg = self._leg, None
            if isinstance(target, Pose):
                low_pass = self._injections.latency_of(Condition.TARGET_FILTER)
                self._impedance.filter_targets(0.0 if low_pass is None else low_pass.delay_ns * 1e-9)
                self._impedance.track_pose(target, state.tcp_pose, state.jacobian)
                if self._impedance.bounds.interpolates and period_s > 0.0:
                    now_ns = self._physics.time_ns
                    start = state.tcp_pose if leg is None else leg.at(now_ns)
                    self._leg = Leg(start, target, now_ns, period_s)
                    self._impedance.move_set_point(self._leg, now_ns)
            elif isinstance(target, JointTarget):
                self._impedance.track_joints(target.positions, state.joint_positions, state.jacobian)
            else:
                self._impedance.exert_wrench(target.wrench, state.tcp_pose, state.jacobian)

    def hold(self) -> None:
        """Brakes, then holds the pose where the arm rests, or the joint positions when those were tracked.

        A guided arm gives way.
        """
        with self._physics.lock:
            self._delays.drop_actions("arm")
            if self._guiding is not None:
                return
            state = self._present()
            if is_slow(state):
                self._rest(state)
            elif self._braking_end_ns is None:
                self._leg = None
                self._braking_end_ns = self._physics.time_ns + BRAKING_NS
                self._impedance.brake()

    def look(self, elapsed_s: float) -> None:
        """Keeps bounds between physics steps, `elapsed_s` after the last look; ends a braking. Holds the lock."""
        self._impedance.look(elapsed_s)
        if self._leg is not None:
            self._impedance.move_set_point(self._leg, self._physics.time_ns)
        if self._braking_end_ns is not None:
            state = self._measure()
            if is_slow(state) or self._physics.time_ns >= self._braking_end_ns:
                self._rest(state)

    def _rest(self, state: ArmSample) -> None:
        if self._impedance.holds_joints:
            self._leg = self._braking_end_ns = None
            self._impedance.track_joints(state.joint_positions, state.joint_positions, state.jacobian)
        else:
            self.hold_pose()

    def hold_pose(self) -> None:
        """Holds the pose measured now, whatever was tracked."""
        with self._physics.lock:
            self._leg = self._braking_end_ns = None
            state = self._present()
            self._impedance.rest(state.tcp_pose, state.jacobian)

    def set_compliance(self, compliance: FullCompliance) -> None:
        """Changes the Cartesian impedance, also while moving."""
        with self._physics.lock:
            self._impedance.set_compliance(compliance)

    def set_bounds(self, bounds: MotionBounds) -> None:
        """Keeps to bounds from the next target on."""
        with self._physics.lock:
            self._impedance.set_bounds(bounds)

    def parts(self, joints: FloatArray) -> ArmParts:
        """Returns where parts of the arm would be. Shape of the joints: (N, 7), rad."""
        return self._kinematics.parts(joints)

    def restore_load(self) -> None:
        """Lets the arm carry nothing, as at the start."""
        self.set_load(Load(mass=0.0, center_of_mass=(0.0, 0.0, 0.0), inertia=(0.0,) * 9))

    def set_load(self, load: Load) -> None:
        """Adds a payload's weight to gravity compensation and takes it out of the external wrench, as a real arm does.

        Nothing is attached to the flange. The weight is taken to act at the hand's centre of mass: exact while the tool
        points up or down.
        """
        with self._physics.lock:
            model = self._physics.model
            model.body_gravcomp[self._hand] = 1.0 + load.mass / float(model.body_mass[self._hand])
            self._load_weight = -load.mass * float(model.opt.gravity[2])
            self._sample = None

    def faults(self) -> tuple[DeviceFault, ...]:
        """Returns active faults."""
        self._notice_hand()
        if not self._faults and self._guiding is None:
            return self._warnings
        by_hand = () if self._guiding is None else (self._guiding,)
        return (*by_hand, *self._faults.values(), *self._warnings)

    def recover(self, fault_ids: tuple[str, ...]) -> None:
        """Clears faults whose cause has gone."""
        if self._injections.is_active(Condition.CONTACT_REFLEX):
            return
        with self._physics.lock:
            self._faults = {name: fault for name, fault in self._faults.items() if name not in fault_ids}

    def stop_by_reflex(self, text: str) -> None:
        """Holds, and raises the fault that only a recovery clears."""
        self._stop(REFLEX_FAULT, text)

    def forget(self) -> None:
        """Drops what was measured before positions were written."""
        self._sample = None
        self._warnings = ()
        self._leg = self._braking_end_ns = None

    def close(self) -> None:
        """Brings the arm to rest."""
        self.hold()

    def _notice_hand(self) -> None:
        """Gives way while somebody guides the arm, and holds it where it is let go."""
        is_guided = self._injections.is_active(Condition.HAND_GUIDING)
        if is_guided is (self._guiding is not None):
            return
        with self._physics.lock:
            state = self._present()
            if is_guided:
                self._leg = self._braking_end_ns = None
                self._impedance.give_way(state.jacobian)
                self._guiding = _guiding_warning(state.time_ns)
            else:
                self._guiding = None
                self.hold_pose()

    def _present(self) -> ArmSample:
        kept = self._sample
        return kept[1] if kept is not None and kept[0] == self._physics.step_count else self._measure()

    def _measure(self) -> ArmSample:
        model, data = self._physics.model, self._physics.data
        self._physics.refresh()
        mujoco.mj_jacSite(model, data, self._linear, self._angular, self._tcp)
        mujoco.mju_mat2Quat(self._quat, data.site_xmat[self._tcp])
        jacobian = self._mount.vectors(self._jacobian[:, self._dofs].copy())
        velocities = data.qvel[self._dofs].copy()
        external = data.qfrc_constraint[self._dofs].copy()
        if self._load_weight:
            external += self._load_weight * jacobian[2]
        w, x, y, z = self._quat.tolist()
        return ArmSample(
            time_ns=self._physics.time_ns,
            joint_positions=data.qpos[self._at].copy(),
            joint_velocities=velocities,
            joint_torques=data.qfrc_actuator[self._dofs].copy(),
            external_joint_torques=external,
            tcp_pose=Pose(
                self._mount.point(data.site_xpos[self._tcp]), self._mount.orientation(np.array((x, y, z, w)))
            ),
            tcp_twist=jacobian @ velocities,
            external_wrench=external_wrench(jacobian, external),
            jacobian=jacobian,
        )

    def _stop(self, fault_id: str, text: str) -> None:
        with self._physics.lock:
            self.hold()
            fault = DeviceFault(
                id=fault_id,
                source=FaultSource.ARM,
                severity=FaultSeverity.CRITICAL,
                onset_time_ns=self._physics.time_ns,
                text=text,
            )
            self._faults = {fault_id: fault, **self._faults}  # A new mapping: others read it without the lock.

    def _watch(self, state: ArmSample) -> None:
        if self._physics.divergence_count != self._divergence_count:
            self._divergence_count = self._physics.divergence_count
            self._stop(DIVERGED_FAULT, "the simulated physics became unstable; recover, then reset the scene")
        force = math.hypot(*state.external_wrench[:3].tolist())
        if force > REFLEX_FORCE:
            self.stop_by_reflex(f"the external force was {force:.0f} N, above the arm's bound of {REFLEX_FORCE:.0f} N")
        inside = (state.joint_positions > self._warn_lower).all() and (state.joint_positions < self._warn_upper).all()
        if not inside:
            self._warnings = (self._limit_warning(state),)
        elif self._warnings:
            self._warnings = ()

    def _limit_warning(self, state: ArmSample) -> DeviceFault:
        if self._warnings:
            return self._warnings[0]
        distance = np.minimum(state.joint_positions - self._warn_lower, self._warn_upper - state.joint_positions)
        number = int(distance.argmin()) + 1
        return DeviceFault(
            id=JOINT_LIMIT_FAULT,
            source=FaultSource.ARM,
            severity=FaultSeverity.WARNING,
            onset_time_ns=state.time_ns,
            text=f"joint {number} stands at its limit; move it back, the warning then goes by itself",
            clearable=False,
        )


def _guiding_warning(onset_time_ns: int) -> DeviceFault:
    return DeviceFault(
        id=GUIDING_FAULT,
        source=FaultSource.ARM,
        severity=FaultSeverity.WARNING,
        onset_time_ns=onset_time_ns,
        text="somebody guides the simulated arm by hand; end the injection",
        clearable=False,
        by_hand=True,
    )


def external_wrench(jacobian: FloatArray, joint_torques: FloatArray) -> FloatArray:
    """Estimates the wrench at the TCP from joint torques: the least-squares solution of J^T F = tau.

    Args:
        jacobian: Of the TCP, in base axes. Shape (6, 7).
        joint_torques: That the environment exerts. Shape (7,), Nm.

    Returns:
        Shape (6,), N and Nm, in base axes.
    """
    if not joint_torques.any():
        return np.zeros(6)
    return np.linalg.solve(jacobian @ jacobian.T + _REGULARIZATION, jacobian @ joint_torques).astype(np.float64)


def _arm_info(physics: Physics, table: ArmTable, mount: Mount) -> ArmInfo:
    scratch = mujoco.MjData(physics.model)
    scratch.qpos[mount.positions(physics.model)] = table.home
    mujoco.mj_kinematics(physics.model, scratch)
    site = physics.model.site(mount.name("tcp")).id
    quat = np.zeros(4)
    mujoco.mju_mat2Quat(quat, scratch.site_xmat[site])
    return ArmInfo(
        model=table.name,
        joint_lower=np.array([joint.lower for joint in table.joints]),
        joint_upper=np.array([joint.upper for joint in table.joints]),
        joint_speed=np.array([joint.speed for joint in table.joints]),
        home=np.array(table.home),
        home_tcp_pose=Pose(mount.point(scratch.site_xpos[site]), mount.orientation(quat[[1, 2, 3, 0]])),
        control_modes=frozenset({ControlMode.CARTESIAN_IMPEDANCE, ControlMode.JOINT_IMPEDANCE, ControlMode.WRENCH}),
    )
