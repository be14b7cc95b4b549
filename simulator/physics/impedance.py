r"""Implements the Cartesian impedance law by MuJoCo's own actuators: no Python runs between two physics steps.

.. math:: \tau = J^\top (\mathrm{clip}(K e) - D J \dot q)
    + n (\mathrm{clip}(k_n n^\top (q_0 - q)) - 2 \sqrt{k_n} n^\top \dot q) + g(q)

after Khatib (1987), with the per-axis error clip and the null-space posture of serl_franka_controllers:

- **Spring**: six actuators between the site "tcp" (rotations: "tcp_error") and a site of the world, so lengths and
  forces are in base axes. The translation's set-point is `ctrl`. For rotation the *site itself* is turned: "tcp_error"
  sits at the TCP with the inverse of the target's orientation, so its orientation in the base frame is the rotation
  from target to measured, its length is that rotation vector, and the set-point is zero. The law is thus exact for
  every orientation. The force range is stiffness times clip, each direction on its own.
- **Damper**: six more without a force range, because the law clips the spring alone.
- **Posture**: spring and damper on a tendon whose coefficients are the unit vector n that spans the null space of the
  Jacobian, refreshed with each target. A spring along n does not push the TCP, whatever the posture. Its force is
  bounded, so that an arm far from its posture swings there gently. The posture is where the arm stood when poses or
  wrenches began to be tracked, or was held last.
- **Bounds**: with each target the springs' force ranges are narrowed to what the dampers take at the top speeds of TCP
  and joints, so that a far target is approached no faster, whatever happens until the next one.
- **Joint limits**: while the tool is moved, soft stops stand a margin before the limits of the joints' positions, as in
  the driver of a Franka arm, which would stop by itself at a limit; joint targets may go up to the limits.
- **Wrench**: a forced axis pulls to the wall of the box by no more than the force, with a damper that takes all of it
  at the top speed; the other axes are held. The driver of a Franka arm does the same (`pushing`).
- **Gravity and Coriolis**: gravity compensation of the bodies; Coriolis terms are left in, they are small here.
- **Set-point**: the activation of each Cartesian spring, which follows its `ctrl` at once, or through a low-pass as the
  driver of a Franka arm has one.
"""

import math
from collections.abc import Sequence
from enum import Enum, auto

import mujoco
import numpy as np
from numpy.typing import NDArray

from robot_daemon.hardware.devices import MotionBounds
from robot_daemon.hardware.holding import BRAKE_DAMPING
from robot_daemon.hardware.interpolation import Leg, ahead
from robot_daemon.hardware.joint_margin import inner_limits
from serl_api.rotation import conjugate, from_rotvec, multiply, to_rotvec
from serl_api.values import FloatArray, FullCompliance, Pose
from simulator.model.arm_model import JOINT_NAMES
from simulator.model.mount import ALONE, Mount
from simulator.physics.law_actuators import (
    AT_ONCE_S,
    CARTESIAN_GROUP,
    JOINT_DAMPING,
    JOINT_GROUP,
    JOINT_STIFFNESS,
    POSTURE_GROUP,
)

POSTURE_SPEED = 0.3
"""Speed along n that the pull to the posture settles at, at most, rad/s."""

_JOINT_STIFFNESS, _JOINT_DAMPING = np.array(JOINT_STIFFNESS), np.array(JOINT_DAMPING)

WALL_STIFFNESS = 1000.0
"""Stiffness of the walls of the box under a wrench, N/m: 30 N fade within 3 cm before a wall."""
WALL_FORCE = 60.0
"""Largest force of a wall, N."""
SLIGHT = np.array([0.01] * 3 + [0.001] * 3)
"""Wrench that counts as none, N and Nm."""
WRENCH_DAMPING = 60.0
"""Smallest damping of an axis that a wrench forces, Ns/m."""
WRENCH_ROTATIONAL_DAMPING = 2.0
"""The same for rotation, Nms/rad."""
GIVING_DAMPING = (10.0, 1.0)
"""Dampers that stay on while the arm gives way to a hand, Ns/m and Nms/rad: free motion ends somewhere."""

JOINT_SPEED_SHARE = 0.6
"""Share of a joint's speed limit at which its own spring and damper settle at most; what couples joints adds to it."""
CALM_SHARE = 0.75
"""Share of its speed limit from which on a joint lets all springs fade."""
HALT_SHARE = 0.88
"""Share at which nothing is left of them; dampers then brake."""
JOINT_BRAKE_S = 1.0
"""Torque limit of a joint times this over its speed limit is the damping that brakes it from `HALT_SHARE` on, s."""
SIDE_SHARE = 0.25
"""Share of a bound that is left to an axis with little error of its own."""
TOP_FORCE, TOP_MOMENT = 90.0, 15.0
"""Bounds of the springs' force and torque whatever the damping, N and Nm: joints gain what they can lose again."""
WALL_TIME_S = 0.1
"""Shortest time to a wall of the box at the present speed; a TCP that is faster is braked, s."""
WALL_DAMPING = 300.0
"""Damping that brakes it, Ns/m."""
HASTE = 1.25
"""Speed of the TCP over its bound, at most, because axes are bounded one by one."""
NIMBLE = 0.02
"""Manipulability below which springs pull less and less: near singular postures a slow TCP means fast joints."""
STOP_TIME_S = 0.05
"""Time constant of the critically damped stops of joints, s: 1 rad/s ends 0.02 rad behind them."""
HOLD_SHARE = 0.05
"""Share of its top speed that a joint's spring may always pull with."""

COMPLIANCE = FullCompliance(
    translational_clip_positive=(0.1, 0.1, 0.1),
    translational_clip_negative=(0.1, 0.1, 0.1),
    rotational_clip_positive=(1.0, 1.0, 1.0),
    rotational_clip_negative=(1.0, 1.0, 1.0),
)
"""Compliance until another is set, and that of sessions: clips that a step of the simulator's limits just reaches."""

_UNBOUNDED = 1e6


def null_vector(jacobian: FloatArray) -> tuple[FloatArray, float]:
    """Computes the unit vector that a 6 x 7 matrix maps to zero, by its minors; zero where the matrix loses rank.

    Shapes (6, 7) and (7,). The second value is the manipulability, sqrt(det(J J^T)) (Yoshikawa 1985): 0 there.
    """
    minors = np.linalg.det(jacobian[:, _WITHOUT_ONE].transpose(1, 0, 2)) * _ALTERNATING
    norm = math.sqrt(float(minors @ minors))
    return (minors / norm if norm > 1e-9 else np.zeros(7)), norm


_WITHOUT_ONE = np.array([[column for column in range(7) if column != left_out] for left_out in range(7)])
_ALTERNATING = (-1.0) ** np.arange(7)


class _Law(Enum):
    POSE = auto()
    JOINTS = auto()
    WRENCH = auto()
    GIVE_WAY = auto()


class Impedance:
    """Writes gains and set-points of the law into a model and its data. Call under the physics lock.

    Args:
        model: Compiled scene with the law's actuators.
        data: Its state.
        posture: Joint positions that the null space prefers, rad. Shape (7,).
        joint_speed: Speed limits of the joints, rad/s. Shape (7,).
        bounds: Box and speeds.
        mount: Which arm of the scene.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        data: mujoco.MjData,
        posture: FloatArray,
        joint_speed: FloatArray,
        bounds: MotionBounds,
        mount: Mount = ALONE,
    ) -> None:
        self._mount = mount
        self._at = mount.positions(model)
        self._dofs = mount.velocities(model)
        self._model = model
        self._data = data
        self.posture = posture
        """Joint positions that the null space prefers, rad; see `rest_posture`. Shape (7,)."""
        self._joint_speed = JOINT_SPEED_SHARE * joint_speed
        self._joint_damping = model.dof_damping[self._dofs].copy()
        self._joint_brakes = JOINT_BRAKE_S * model.jnt_actfrcrange[mount.joints(model), 1] / joint_speed
        self._slowness = (1.0 / joint_speed).tolist()
        self._calm_square = (CALM_SHARE * float(joint_speed.min())) ** 2
        self._velocities = data.qvel[self._dofs]
        self._joint_limits = model.jnt_range[mount.joints(model)].T.copy()
        model.jnt_solref[mount.joints(model)] = (STOP_TIME_S, 1.0)
        self._ranges = np.zeros((6, 2))
        self._joint_most = np.zeros(7)
        self._place = data.site_xpos[model.site(mount.name("tcp")).id]
        self._scale = 1.0
        self._last_place: tuple[float, ...] = (0.0, 0.0, 0.0)
        self._brakes = 0
        self._is_braked = self._is_braking = False
        first = model.actuator(mount.name("spring_x")).id
        self._springs = slice(first, first + 6)
        set_point = int(model.actuator_actadr[first])
        self._positions, self._turns = slice(set_point, set_point + 3), slice(set_point + 3, set_point + 6)
        self._target_quaternion = np.array((0.0, 0.0, 0.0, 1.0))
        self._time_constant_s = 0.0
        self._dampers = slice(first + 6, first + 12)
        first = model.actuator(mount.name(JOINT_NAMES[0])).id
        self._joints = slice(first, first + 7)
        self._posture_actuator = model.actuator(mount.name("posture")).id
        first = int(model.tendon_adr[model.tendon(mount.name("posture")).id])
        self._posture_terms = slice(first, first + 7)
        self._error_site = model.site(mount.name("tcp_error")).id
        self._anchor = np.zeros(3), np.array((0.0, 0.0, 0.0, 1.0))
        self._law = _Law.POSE
        self._bounds = bounds
        self._compliance = COMPLIANCE
        self.set_compliance(self._compliance)

    @property
    def bounds(self) -> MotionBounds:
        """Returns the bounds in force."""
        return self._bounds

    def set_bounds(self, bounds: MotionBounds) -> None:
        """Keeps to a box and top speeds from the next target on."""
        self._bounds = bounds
        self._walls = bounds.lower.tolist(), bounds.upper.tolist()
        margin = HASTE * bounds.speed * WALL_TIME_S
        self._inner = (bounds.lower + margin).tolist(), (bounds.upper - margin).tolist()
        force = min(float(self._damping[0]) * bounds.speed, TOP_FORCE)
        moment = min(float(self._damping[3]) * bounds.rotation_speed, TOP_MOMENT)
        self._top_pull = force, moment

    @property
    def compliance(self) -> FullCompliance:
        """Returns the gains in force."""
        return self._compliance

    @property
    def holds_joints(self) -> bool:
        """Returns whether joint positions are tracked, not a pose."""
        return self._law is _Law.JOINTS

    def set_compliance(self, compliance: FullCompliance) -> None:
        """Changes gains and clips of the Cartesian law from the next physics step on."""
        self._compliance = compliance
        self._stiffness = np.repeat([compliance.translational_stiffness, compliance.rotational_stiffness], 3)
        self._damping = np.repeat([compliance.translational_damping, compliance.rotational_damping], 3)
        self._clip_range = self._stiffness * np.array(
            [
                [*compliance.translational_clip_negative, *compliance.rotational_clip_negative],
                [*compliance.translational_clip_positive, *compliance.rotational_clip_positive],
            ]
        )
        self.set_bounds(self._bounds)
        stiffness, spring = compliance.nullspace_stiffness, self._posture_actuator
        damping = 2.0 * math.sqrt(stiffness)
        most = max(damping * POSTURE_SPEED, 1e-9)  # MuJoCo takes an empty range for none.
        self._model.actuator_gainprm[spring, 0] = stiffness
        self._model.actuator_biasprm[spring, 1] = -stiffness
        self._model.actuator_forcerange[spring] = (-most, most)
        self._model.actuator_biasprm[spring + 1, 2] = -damping
        if self._law in (_Law.POSE, _Law.JOINTS):
            self._write_springs()

    def filter_targets(self, time_constant_s: float) -> None:
        """Lets the set-points of poses follow their targets through a low-pass, s; 0 is at once."""
        if time_constant_s == self._time_constant_s:
            return
        self._time_constant_s = time_constant_s
        self._write_filter()

    def _write_filter(self) -> None:
        filters = self._law is _Law.POSE and self._time_constant_s > 0.0
        self._model.actuator_dynprm[self._springs, 0] = self._time_constant_s if filters else AT_ONCE_S

    def look(self, elapsed_s: float) -> None:
        """Lets the springs fade while a joint nears its speed limit, and brakes a TCP that comes too fast to a wall.

        Called every few physics steps, `elapsed_s` after the last time: it is quick.
        """
        x, y, z = self._tcp_position()
        (x0, y0, z0), (x1, y1, z1) = self._inner
        is_near = self._law is _Law.POSE and not (x0 < x < x1 and y0 < y < y1 and z0 < z < z1)
        if is_near or self._brakes:
            self._look_at_walls(x, y, z, elapsed_s)
        self._last_place = (x, y, z)
        if self._scale != 1.0 or self._velocities.dot(self._velocities) > self._calm_square:
            self._calm()

    def _tcp_position(self) -> tuple[float, ...]:
        """Returns where the TCP is, in base."""
        place = self._place if self._mount.is_world else self._mount.point(self._place)
        return tuple(place.tolist())

    def _look_at_walls(self, x: float, y: float, z: float, elapsed_s: float) -> None:
        last_x, last_y, last_z = self._last_place
        (x0, y0, z0), (x1, y1, z1) = self._walls
        reach = elapsed_s / WALL_TIME_S
        brakes = 0
        if x - last_x > max(x1 - x, 0.0) * reach or last_x - x > max(x - x0, 0.0) * reach:
            brakes = 1
        if y - last_y > max(y1 - y, 0.0) * reach or last_y - y > max(y - y0, 0.0) * reach:
            brakes |= 2
        if z - last_z > max(z1 - z, 0.0) * reach or last_z - z > max(z - z0, 0.0) * reach:
            brakes |= 4
        if brakes and self._law is not _Law.POSE:
            brakes = 0
        if brakes != self._brakes:
            self._brakes = brakes
            self._brake()
            self._scale = -1.0

    def _brake(self) -> None:
        """Gives the axes that near a wall too fast a strong damper, the others their own."""
        damping = self._acting_damping()
        for axis in range(3):
            if self._brakes & 1 << axis:
                damping[axis] = max(damping[axis], WALL_DAMPING)
        self._write_dampers(damping)

    def _acting_damping(self) -> FloatArray:
        damping = self._damping.copy()
        if self._is_braked:
            damping = np.maximum(damping, BRAKE_DAMPING)
        return damping

    def _calm(self) -> None:
        a, b, c, d, e, f, g = self._velocities.tolist()
        ka, kb, kc, kd, ke, kf, kg = self._slowness
        worst = max(abs(a) * ka, abs(b) * kb, abs(c) * kc, abs(d) * kd, abs(e) * ke, abs(f) * kf, abs(g) * kg)
        scale = 1.0 if worst <= CALM_SHARE else max(0.0, (HALT_SHARE - worst) / (HALT_SHARE - CALM_SHARE))
        if scale == self._scale:
            return
        self._scale = scale
        fast = np.abs(self._velocities) * self._slowness > HALT_SHARE
        self._model.dof_damping[self._dofs] = self._joint_damping + np.where(fast, self._joint_brakes, 0.0)
        if self._law is _Law.JOINTS:
            most = self._joint_most * scale
            self._model.actuator_forcerange[self._joints, 0] = -most
            self._model.actuator_forcerange[self._joints, 1] = most
            return
        ranges = self._ranges * scale
        for axis in range(3):
            if self._brakes & 1 << axis:
                middle = 0.5 * (self._walls[0][axis] + self._walls[1][axis])
                outward = 1 if self._last_place[axis] > middle else 0
                ranges[axis, outward] = 0.0
        self._model.actuator_forcerange[self._springs] = ranges

    def brake(self) -> None:
        """Brings the arm to rest by dampers alone, which a rest keeps; joints by theirs where those are tracked."""
        if self._law is _Law.JOINTS:
            self._joint_most = np.full(7, 1e-9)  # MuJoCo takes an empty range for none.
            self._scale = -1.0
            self._calm()
            return
        self._switch(_Law.POSE)
        self._is_braked = self._is_braking = True
        self._write_springs()

    def restart(self) -> None:
        """Forgets what came before positions were written."""
        self._last_place = self._tcp_position()
        self._is_braked = self._is_braking = False
        self._place_stops()
        self._write_springs()
        self._begin_at(self._place)

    def rest_posture(self) -> None:
        """Lets the null space prefer the present joint positions."""
        self.posture = self._data.qpos[self._at].copy()

    def rest(self, measured: Pose, jacobian: FloatArray) -> None:
        """Holds the TCP and the null space where they are, with the dampers of a braking before. See `track_pose`."""
        self.rest_posture()
        self._pull(measured, measured, jacobian)
        self._begin_at(measured.position)

    def track_pose(self, pose: Pose, measured: Pose, jacobian: FloatArray) -> None:
        """Pulls the TCP to a pose in base.

        Args:
            pose: Where to.
            measured: Where it is.
            jacobian: Geometric Jacobian of the TCP now. Shape (6, 7).
        """
        if self._is_braked:
            self._is_braked = False
            self._brake()
        self._pull(pose, measured, jacobian)

    def move_set_point(self, leg: Leg, now_ns: int) -> None:
        """Brings the set-point to where it is on its way to a pose that is tracked, led by what the dampers take."""
        damping, compliance = self._damping, self._compliance
        linear, angular = compliance.translational_stiffness, compliance.rotational_stiffness
        lead_s = (damping[0] / linear if linear else 0.0, damping[3] / angular if angular else 0.0)
        led = ahead(leg.at(now_ns), leg.speed(now_ns), lead_s)
        self._aim(led)
        self._data.ctrl[self._springs] = (*led.position.tolist(), 0.0, 0.0, 0.0)

    def _pull(self, pose: Pose, measured: Pose, jacobian: FloatArray) -> None:
        self._switch(_Law.POSE)
        self._is_braking = False
        self._aim(pose)
        self._data.ctrl[self._springs] = (*pose.position.tolist(), 0.0, 0.0, 0.0)
        manipulability = self._hold_posture(jacobian)
        self._bound_springs(_error(pose, measured), min(1.0, manipulability / NIMBLE))

    def track_joints(self, positions: FloatArray, measured: FloatArray, jacobian: FloatArray) -> None:
        """Pulls the joints to positions. Shapes (7,), rad, and (6, 7)."""
        self._switch(_Law.JOINTS)
        self._data.ctrl[self._joints] = positions
        pace = _JOINT_STIFFNESS / _JOINT_DAMPING * (positions - measured)
        pace = np.minimum(np.maximum(pace, -self._joint_speed), self._joint_speed)
        twist = jacobian @ pace
        bounds = self._bounds
        haste = max(_length(twist[:3]) / bounds.speed, _length(twist[3:]) / bounds.rotation_speed, 1.0)
        self._joint_most = _JOINT_DAMPING * np.maximum(np.abs(pace) / haste, HOLD_SHARE * self._joint_speed)
        self._scale = -1.0
        self._calm()

    def exert_wrench(self, wrench: FloatArray, measured: Pose, jacobian: FloatArray) -> None:
        """Makes the tool push with a wrench at the TCP, in base axes; axes without a part of it are held.

        Shapes (6,), N and Nm, and (6, 7).
        """
        if self._law is not _Law.WRENCH:
            self._anchor = measured.position, measured.quaternion_xyzw
        self._switch(_Law.WRENCH)
        forced = np.abs(wrench) > SLIGHT
        position, bounds = measured.position, self._bounds
        held = np.where(forced[:3], position, self._anchor[0])
        self._anchor = held, self._anchor[1]
        # A forced turn takes the anchor along, as far as it goes about the forced axes.
        turn = np.where(forced[3:], 0.0, np.array(_error(Pose(*self._anchor), measured)[3:]))
        if forced[3:].any():
            x, y, z = turn.tolist()
            turned = multiply(from_rotvec((x, y, z)), measured.quaternion_xyzw.tolist())
            self._anchor = held, np.array(turned)
        self._aim(Pose(*self._anchor))
        self._write_push(wrench, forced, np.minimum(np.maximum(held, bounds.lower), bounds.upper))
        self._hold_posture(jacobian)

    def give_way(self, jacobian: FloatArray) -> None:
        """Lets a hand lead the arm: no springs, weak dampers."""
        self._switch(_Law.GIVE_WAY)
        self._model.actuator_gainprm[self._springs, 0] = 0.0
        self._model.actuator_biasprm[self._springs, 1] = 0.0
        self._write_dampers(np.repeat(GIVING_DAMPING, 3))
        self._hold_posture(jacobian)

    def _write_push(self, wrench: FloatArray, forced: NDArray[np.bool_], held: FloatArray) -> None:
        model, bounds, force = self._model, self._bounds, np.abs(wrench)
        gains = np.where(forced, (WALL_STIFFNESS,) * 3 + (0.0,) * 3, self._stiffness)
        wall = np.where(wrench[:3] > 0.0, bounds.upper, bounds.lower)
        linear = max(WRENCH_DAMPING, _length(wrench[:3]) / bounds.push_speed)
        angular = max(WRENCH_ROTATIONAL_DAMPING, _length(wrench[3:]) / bounds.push_rotation_speed)
        least = np.where(wrench > 0.0, -WALL_FORCE, -force)
        most = np.where(wrench < 0.0, WALL_FORCE, force)
        # A motor where it turns: its gain of 1 makes the set-point a torque.
        motors = forced.copy()
        motors[:3] = False
        model.actuator_gainprm[self._springs, 0] = np.where(motors, 1.0, gains)
        model.actuator_biasprm[self._springs, 1] = -gains
        self._set_ranges(np.where(forced, least, -self._clip_range[0]), np.where(forced, most, self._clip_range[1]))
        self._write_dampers(np.where(forced, (linear,) * 3 + (angular,) * 3, self._damping))
        aims = np.where(forced[:3], wall, held)
        self._data.ctrl[self._springs] = np.concatenate([aims, np.where(forced[3:], wrench[3:], 0.0)])

    def _switch(self, law: _Law) -> None:
        if law is self._law:
            return
        self._law = law
        self._brakes = 0
        self._is_braked = self._is_braking = False
        self.rest_posture()
        self._place_stops()
        self._write_filter()
        self._begin_at(self._place)
        if law in (_Law.POSE, _Law.JOINTS):
            self._write_springs()
        off = (CARTESIAN_GROUP, POSTURE_GROUP) if law is _Law.JOINTS else (JOINT_GROUP,)
        groups = [1 << self._mount.group(group) for group in (CARTESIAN_GROUP, JOINT_GROUP, POSTURE_GROUP)]
        others = self._model.opt.disableactuator & ~sum(groups)
        self._model.opt.disableactuator = others | sum(1 << self._mount.group(group) for group in off)

    def _place_stops(self) -> None:
        """Puts the joints' stops where the law wants them, and where the joints now stand allows."""
        lower, upper = self._joint_limits
        if self._law is not _Law.JOINTS:
            lower, upper = inner_limits(lower, upper, self._data.qpos[self._at])
        self._model.jnt_range[self._mount.joints(self._model)] = np.stack([lower, upper], axis=1)

    def _write_springs(self) -> None:
        self._model.actuator_gainprm[self._springs, 0] = self._stiffness
        self._model.actuator_biasprm[self._springs, 1] = -self._stiffness
        self._write_range(np.full(6, 0.0 if self._is_braking else _UNBOUNDED))
        self._brakes = 0
        self._write_dampers(self._acting_damping())

    def _write_range(self, most: FloatArray) -> None:
        """Narrows the springs' force ranges within the clips of the compliance. Shape (6,)."""
        forces = np.minimum(self._clip_range, most)
        self._set_ranges(-forces[0], forces[1])

    def _set_ranges(self, least: FloatArray, most: FloatArray) -> None:
        """Sets the force ranges of the Cartesian springs, before a fast joint scales them. Shapes (6,)."""
        self._ranges[:, 0], self._ranges[:, 1] = least, most
        self._scale = -1.0
        self._calm()

    def _bound_springs(self, error: Sequence[float], share: float) -> None:
        """Narrows the force ranges to what keeps the TCP below a share of its top speeds on the way to a target."""
        force, moment = self._top_pull[0] * share, self._top_pull[1] * share
        x, y, z, turn_x, turn_y, turn_z = error
        stiffness, turning = self._compliance.translational_stiffness, self._compliance.rotational_stiffness
        pull = min(stiffness, force / max(math.sqrt(x * x + y * y + z * z), 1e-9))
        turn = math.sqrt(turn_x * turn_x + turn_y * turn_y + turn_z * turn_z)
        twist = min(turning, moment / max(turn, 1e-9))
        side, bend = SIDE_SHARE * force, SIDE_SHARE * moment
        self._write_range(
            np.array(
                (
                    max(abs(x) * pull, side),
                    max(abs(y) * pull, side),
                    max(abs(z) * pull, side),
                    max(abs(turn_x) * twist, bend),
                    max(abs(turn_y) * twist, bend),
                    max(abs(turn_z) * twist, bend),
                )
            )
        )

    def _begin_at(self, position: FloatArray) -> None:
        """Lets the set-points of the springs begin at a position and at the target's orientation."""
        self._data.act[self._positions] = position
        self._data.act[self._turns] = 0.0

    def _aim(self, pose: Pose) -> None:
        if self._time_constant_s > 0.0:
            # The springs' angles are counted from the target; the set-point stays where it is in the base frame.
            x, y, z = self._data.act[self._turns].tolist()
            set_point = multiply(from_rotvec((x, y, z)), self._target_quaternion.tolist())
            self._data.act[self._turns] = to_rotvec(multiply(set_point, conjugate(pose.quaternion_xyzw.tolist())))
        self._target_quaternion = pose.quaternion_xyzw
        x, y, z, w = pose.quaternion_xyzw.tolist()
        self._model.site_quat[self._error_site] = (w, -x, -y, -z)

    def _write_dampers(self, damping: FloatArray) -> None:
        self._model.actuator_biasprm[self._dampers, 2] = -damping

    def _hold_posture(self, jacobian: FloatArray) -> float:
        """Turns the posture's spring into the null space at the present joints; returns the manipulability there."""
        direction, manipulability = null_vector(jacobian)
        self._model.wrap_prm[self._posture_terms] = direction
        self._data.ctrl[self._posture_actuator] = direction @ self.posture
        return manipulability


def _error(pose: Pose, measured: Pose) -> tuple[float, ...]:
    """Computes pose minus measured one in base axes: three in m, then the rotation vector in rad."""
    turned = conjugate(measured.quaternion_xyzw.tolist())
    turn = to_rotvec(multiply(pose.quaternion_xyzw.tolist(), turned))
    return (*(pose.position - measured.position).tolist(), *turn)


def _length(vector: FloatArray) -> float:
    return math.sqrt(float(vector @ vector))
