"""Enforces the limits for every client: clips and reports what can be clipped, refuses the rest.

Clipping is idempotent: a target that satisfies every rule is left alone, and every result satisfies them all.
When the measured pose is itself outside the workspace by more than a step, the target leads straight back, one step.
"""

import math

import numpy as np

from robot_daemon.config.cell_config import LimitsConfig
from robot_daemon.control.clearance import Clearance, Obstruction, PartsOf
from robot_daemon.hardware.devices import ArmSample, MotionBounds
from serl_api.cell import ArmInfo, GripperInfo
from serl_api.enums import ClipKind, ControlMode
from serl_api.errors.robot import LimitExceededError, NotEquippedError
from serl_api.rotation import Quaternion, Vector, angle_between, normalized, slerp
from serl_api.values import Clip, FloatArray, GripperTarget, JointTarget, Load, Pose, WrenchTarget

LOAD_REACH_M = 0.5
"""Furthest that a load's centre of mass may be from the flange along an axis, m."""

_WRENCH_OFF = "wrench control is off in this cell; set wrench_control = true in [limits] of its file to allow it"
_WRENCH_UNBOUNDED = "this arm's driver keeps no bounds by itself, so it may not push with a wrench; send poses"

RELATIVE_TOLERANCE = 1e-9
"""Excess, relative to a bound, that rounding may leave after a clip."""


class Limits:
    """Enforces the bounds of one cell.

    Args:
        config: What the cell's file says.
        arm: Facts of the arm.
        gripper: Facts of the gripper; None without one.
        parts_of: Where parts of the arm would be; None when that cannot be foretold.
    """

    def __init__(
        self, config: LimitsConfig, arm: ArmInfo, gripper: GripperInfo | None, parts_of: PartsOf | None = None
    ) -> None:
        self.config = config
        self._clearance = None if parts_of is None else Clearance(config, parts_of)
        self._wrench_refusal = "" if config.wrench_control else _WRENCH_OFF
        self.center = normalized(config.workspace_orientation_xyzw)
        self._arm = arm
        self._gripper = gripper
        self._lower = config.workspace_lower_m
        self._upper = config.workspace_upper_m
        self._turn = config.workspace_rotation_rad
        self._near = math.cos(0.5 * config.step_rotation_rad) + 1e-9
        self._joint_lower = arm.joint_lower
        self._joint_upper = arm.joint_upper

    @property
    def motion_bounds(self) -> MotionBounds:
        """Returns what an arm has to keep to by itself."""
        config = self.config
        return MotionBounds(
            lower=np.array(self._lower),
            upper=np.array(self._upper),
            speed=config.tcp_speed_m_per_s,
            rotation_speed=config.tcp_rotation_rad_per_s,
            push_speed=config.wrench_speed_m_per_s,
            push_rotation_speed=config.wrench_rotation_rad_per_s,
            interpolates=config.interpolates_targets,
        )

    @property
    def control_modes(self) -> frozenset[ControlMode]:
        """Returns what clients may let the arm track."""
        modes = self._arm.control_modes
        return modes - {ControlMode.WRENCH} if self._wrench_refusal else modes

    def forbid_wrenches(self) -> None:
        """Refuses wrenches: the arm's driver does not keep to bounds by itself."""
        self._wrench_refusal = _WRENCH_UNBOUNDED

    def require_mode(self, mode: ControlMode) -> None:
        """Raises NotEquippedError for what the arm does not track, or may not."""
        name = mode.name.lower()
        if mode not in self._arm.control_modes:
            raise NotEquippedError(f"this arm ({self._arm.model}) has no {name} control", capability=name)
        if mode is ControlMode.WRENCH and self._wrench_refusal:
            raise NotEquippedError(self._wrench_refusal, capability=name)

    def require_wrench_period(self, period_s: float) -> None:
        """Refuses a wrench for so long that nobody could stop it by falling silent. Raises LimitExceededError."""
        lower, upper = self.config.min_period_s, self.config.wrench_timeout_s
        if period_s > upper:
            hint = "a wrench must be renewed this often"
            raise LimitExceededError.outside("step.period", period_s, lower=lower, upper=upper, unit="s", hint=hint)

    def require_load(self, load: Load) -> None:
        """Refuses a load that the arm cannot carry: to be told of one makes it push. Raises LimitExceededError."""
        bounds = [("mass_kg", load.mass, 0.0, self.config.load_kg, "kg")]
        bounds += [("center_of_mass_m", value, -LOAD_REACH_M, LOAD_REACH_M, "m") for value in load.center_of_mass]
        most = self.config.load_kg * LOAD_REACH_M**2
        bounds += [("inertia_kg_m2", value, -most, most, "kg m^2") for value in load.inertia]
        for name, value, lower, upper, unit in bounds:
            if not lower <= value <= upper:
                hint = "give what hangs on the flange"
                field = f"set_load.{name}"
                raise LimitExceededError.outside(field, value, lower=lower, upper=upper, unit=unit, hint=hint)

    def require_free_way(self, goal: JointTarget, measured: ArmSample, field: str) -> None:
        """Refuses a motion of the joints that leads out of the box or onto the table.

        Raises:
            LimitExceededError: With the part of the arm that comes furthest out.
        """
        if self._clearance is None:
            return
        found = self._clearance.obstruction(measured.joint_positions, goal.positions)
        if found is not None:
            raise _obstructed(field, found, "choose a goal or a way inside")

    def clip_tcp(self, target: Pose, measured: ArmSample) -> tuple[Pose, list[Clip]]:
        """Clips a pose to the workspace and to one step from the measured pose."""
        clips: list[Clip] = []
        asked = target.position.tolist()
        asked_turn = target.quaternion_xyzw.tolist()
        position = self._clip_position(asked, measured.tcp_pose.position.tolist(), clips)
        quaternion = self._clip_rotation(asked_turn, measured.tcp_pose.quaternion_xyzw.tolist(), clips)
        if not clips:
            return target, clips
        return Pose(np.array(position), np.array(quaternion)), clips

    def clip_joints(self, target: JointTarget, measured: ArmSample, period_s: float) -> tuple[JointTarget, list[Clip]]:
        """Clips joint positions to their limits and to what the joint speeds allow in one period."""
        asked = target.positions
        inside = np.clip(asked, self._joint_lower, self._joint_upper)
        reach = self._arm.joint_speed * period_s
        reached = np.clip(inside, measured.joint_positions - reach, measured.joint_positions + reach)
        clips: list[Clip] = []
        _note(clips, ClipKind.JOINT_POSITION, float(np.abs(asked - inside).max()))
        _note(clips, ClipKind.JOINT_STEP, float(np.abs(inside - reached).max()))
        if self._clearance is not None:
            found = self._clearance.obstruction(measured.joint_positions, reached)
            if found is not None:
                reached = measured.joint_positions + found.free * (reached - measured.joint_positions)
                _note(clips, ClipKind.WORKSPACE_POSITION, found.excess)
        return (JointTarget(positions=reached) if clips else target), clips

    def clip_wrench(self, target: WrenchTarget) -> tuple[WrenchTarget, list[Clip]]:
        """Shortens force and torque to their bounds; directions are kept."""
        clips: list[Clip] = []
        force = _shorten(target.wrench[:3], self.config.force_n, ClipKind.FORCE, clips)
        torque = _shorten(target.wrench[3:], self.config.torque_nm, ClipKind.TORQUE, clips)
        return (WrenchTarget(wrench=np.concatenate([force, torque])) if clips else target), clips

    def clip_gripper(self, target: GripperTarget) -> tuple[GripperTarget, list[Clip]]:
        """Clips the opening to the stroke, and speed and force to what the gripper can do."""
        assert self._gripper is not None, "asked before a gripper was required"
        width = min(max(target.width, 0.0), self._gripper.max_width)
        speed = min(max(target.speed, 0.0), self._gripper.max_speed)
        force = min(max(target.force, 0.0), self._gripper.max_force)
        if (width, speed, force) == (target.width, target.speed, target.force):
            return target, []
        clips: list[Clip] = []
        _note(clips, ClipKind.GRIPPER_WIDTH, abs(target.width - width))
        return GripperTarget(width=width, speed=speed, force=force), clips

    def require_tcp_goal(self, goal: Pose, field: str) -> None:
        """Refuses a goal of a motion outside the workspace.

        Raises:
            LimitExceededError: With the component that lies outside.
        """
        for axis, value, lower, upper in zip("xyz", goal.position.tolist(), self._lower, self._upper, strict=True):
            if not lower <= value <= upper:
                raise LimitExceededError.outside(
                    f"{field}.position.{axis}",
                    value,
                    lower=lower,
                    upper=upper,
                    unit="m",
                    hint="choose a goal inside the workspace box",
                )
        angle = angle_between(tuple(goal.quaternion_xyzw.tolist()), self.center)
        if angle > self._turn * (1.0 + RELATIVE_TOLERANCE):
            raise LimitExceededError.outside(f"{field}.orientation", angle, lower=0.0, upper=self._turn, unit="rad")

    def require_joint_goal(self, goal: JointTarget, field: str) -> None:
        """Refuses a goal of a motion outside the joint limits, the box or above the table.

        Raises:
            LimitExceededError: With the first joint that lies outside, or the part of the arm.
        """
        rows = zip(goal.positions.tolist(), self._joint_lower.tolist(), self._joint_upper.tolist(), strict=True)
        for joint, (value, lower, upper) in enumerate(rows):
            if not lower <= value <= upper:
                name = f"{field}.positions_rad[{joint}]"
                raise LimitExceededError.outside(name, value, lower=lower, upper=upper, unit="rad")
        if self._clearance is not None:
            found = self._clearance.misplaced(goal.positions)
            if found is not None:
                raise _obstructed(field, found, "choose a goal inside")

    def require_gripper_width(self, width: float, field: str) -> None:
        """Refuses an opening outside the stroke.

        Raises:
            LimitExceededError: With the stroke.
        """
        upper = self._gripper.max_width if self._gripper else 0.0
        if not 0.0 <= width <= upper:
            raise LimitExceededError.outside(field, width, lower=0.0, upper=upper, unit="m")

    def require_period(self, period_s: float) -> None:
        """Refuses a control period outside the bounds.

        Raises:
            LimitExceededError: With the bounds.
        """
        lower, upper = self.config.min_period_s, self.config.max_period_s
        if not lower <= period_s <= upper:
            raise LimitExceededError.outside("step.period", period_s, lower=lower, upper=upper, unit="s")

    def _clip_position(self, asked: list[float], measured: list[float], clips: list[Clip]) -> list[float]:
        reach = self.config.step_translation_m
        inside = self._into_box(asked)
        if inside != asked:
            clips.append(Clip(ClipKind.WORKSPACE_POSITION, math.dist(asked, inside)))
        distance = math.dist(inside, measured)
        if distance <= reach * (1.0 + RELATIVE_TOLERANCE):
            return inside
        clips.append(Clip(ClipKind.STEP_TRANSLATION, distance - reach))
        anchor = self._into_box(measured)
        gap = math.dist(anchor, measured)
        if gap > reach:
            return _between(measured, anchor, reach / gap)
        return _between(anchor, inside, _ball_exit(anchor, inside, measured, reach))

    def _into_box(self, point: list[float]) -> list[float]:
        x, y, z = point
        (x0, y0, z0), (x1, y1, z1) = self._lower, self._upper
        return [min(max(x, x0), x1), min(max(y, y0), y1), min(max(z, z0), z1)]

    def _clip_rotation(self, asked: list[float], measured: list[float], clips: list[Clip]) -> Quaternion:
        reach = self.config.step_rotation_rad
        target: Quaternion = (asked[0], asked[1], asked[2], asked[3])
        origin: Quaternion = (measured[0], measured[1], measured[2], measured[3])
        excess = self._turn_excess(target)
        inside = target
        if excess > 0.0:
            inside = self._into_turn(target)
            clips.append(Clip(ClipKind.WORKSPACE_ROTATION, excess))
        dot = inside[0] * origin[0] + inside[1] * origin[1] + inside[2] * origin[2] + inside[3] * origin[3]
        if abs(dot) >= self._near:  # Certainly within a step; saves the angle in the usual case.
            return inside
        angle = angle_between(inside, origin)
        if angle <= reach * (1.0 + RELATIVE_TOLERANCE):
            return inside
        clips.append(Clip(ClipKind.STEP_ROTATION, angle - reach))
        anchor = self._into_turn(origin)
        gap = angle_between(anchor, origin)
        if gap > reach:
            return slerp(origin, anchor, reach / gap)
        if gap == 0.0:
            stepped = slerp(origin, inside, reach / angle)
            if self._turn_excess(stepped) <= 0.0:
                return stepped
        return self._bisect_rotation(anchor, inside, origin, reach)

    def _turn_excess(self, q: Quaternion) -> float:
        """Angle beyond the workspace's rotation bound, rad; 0 inside, rounding apart."""
        if self._turn >= math.pi:
            return 0.0
        excess = angle_between(q, self.center) - self._turn
        return excess if excess > self._turn * RELATIVE_TOLERANCE else 0.0

    def _into_turn(self, q: Quaternion) -> Quaternion:
        """The nearest rotation within the workspace's bound."""
        if self._turn_excess(q) <= 0.0:
            return q
        return slerp(self.center, q, self._turn / angle_between(q, self.center))

    def _bisect_rotation(self, start: Quaternion, end: Quaternion, origin: Quaternion, reach: float) -> Quaternion:
        """The rotation furthest from `start` on the way to `end` that every bound allows; `start` is allowed."""
        allowed, refused = 0.0, 1.0
        for _ in range(40):
            middle = 0.5 * (allowed + refused)
            candidate = slerp(start, end, middle)
            fits = angle_between(candidate, origin) <= reach and self._turn_excess(candidate) <= 0.0
            allowed, refused = (middle, refused) if fits else (allowed, middle)
        return slerp(start, end, allowed) if allowed > 0.0 else start


def _obstructed(field: str, found: Obstruction, hint: str) -> LimitExceededError:
    verb = "leaves" if found.part == "tcp" else "meets"
    text = f"{field} leads the {found.part} {found.excess:.3f} m too far: it {verb} {found.place}; {hint}"
    return LimitExceededError(text, field=field, value=repr(found.excess), lower="0.0", upper="0.0")


def _between(start: list[float], end: list[float], ratio: float) -> list[float]:
    return [a + (b - a) * ratio for a, b in zip(start, end, strict=True)]


def _ball_exit(start: list[float], end: list[float], center: list[float], radius: float) -> float:
    """Fraction of the segment at which it leaves a ball; `start` is inside, `end` is not."""
    along: Vector = (end[0] - start[0], end[1] - start[1], end[2] - start[2])
    offset: Vector = (start[0] - center[0], start[1] - center[1], start[2] - center[2])
    a = along[0] ** 2 + along[1] ** 2 + along[2] ** 2
    b = along[0] * offset[0] + along[1] * offset[1] + along[2] * offset[2]
    c = offset[0] ** 2 + offset[1] ** 2 + offset[2] ** 2 - radius * radius
    return min(1.0, max(0.0, (-b + math.sqrt(max(0.0, b * b - a * c))) / a))


def _shorten(vector: FloatArray, bound: float, kind: ClipKind, clips: list[Clip]) -> FloatArray:
    length = float(np.linalg.norm(vector))
    if length <= bound * (1.0 + RELATIVE_TOLERANCE):
        return vector
    clips.append(Clip(kind, length - bound))
    return vector * (bound / length)


def _note(clips: list[Clip], kind: ClipKind, excess: float) -> None:
    if excess > 0.0:
        clips.append(Clip(kind, excess))
