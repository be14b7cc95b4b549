"""Keeps the set-point of the running motion at the newest target, shaped. It has no thread and never waits.

Targets come from any thread, `renew` from the loop, and the owner of the arm asks which motion should run.
"""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import franky
import numpy as np

from robot_daemon.drivers.franka.facts import ArmFacts
from robot_daemon.drivers.franka.joint_walls import joint_walls
from robot_daemon.drivers.franka.motions import (
    Law,
    Motion,
    joint_motion,
    nullspace_gains,
    pose_motion,
    pose_reference,
    retune,
    wrench_motion,
)
from robot_daemon.drivers.franka.pushing import next_anchor, push
from robot_daemon.drivers.franka.shaping import (
    JointLimits,
    SpringLimits,
    approach,
    approach_pose,
    brake_pose,
    limit_joints,
    limit_pose,
    posture_stiffness,
    share,
    spring_limits,
    wrench_torque,
)
from robot_daemon.hardware.devices import ArmSample, MotionBounds
from robot_daemon.hardware.holding import BRAKING_NS, is_slow
from robot_daemon.hardware.interpolation import Leg, ahead, way
from serl_api.values import FloatArray, FullCompliance, JointTarget, Pose, Target, WrenchTarget

TORQUE_SHARE = 0.8
"""Share of a joint's torque limit that springs may ask for; the rest is for posture and Coriolis torques."""

SPEED_SHARE = 0.8
"""Share of a joint's speed limit at which its spring and damper settle at most."""
POSTURE_SLACK_RAD = 0.01
"""Distance from the posture beyond which a hold takes the present joints for it, so that all of the arm stays."""
PULL_TOLERANCE = 0.02
"""Change of the posture's stiffness, as a share of the whole, that a motion is not told of."""
SLEW_SHARE = 0.5
"""Share of a joint's speed limit at which its set-point moves at most; coupling between joints adds to their speed."""

UNBOUNDED = MotionBounds(
    lower=np.full(3, -np.inf),
    upper=np.full(3, np.inf),
    speed=0.5,
    rotation_speed=1.5,
    push_speed=0.25,
    push_rotation_speed=1.0,
)
"""Bounds until a daemon gives those of its cell."""

SetPoint: TypeAlias = Pose | FloatArray
"""A pose, joint positions (7,) or a wrench (6,)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Setup:
    """Holds what does not change while the daemon runs."""

    facts: ArmFacts
    posture: FloatArray | None
    """Joint positions that the null space prefers, (7,), rad; None: where control began or the arm was held last."""
    joint_stiffness: FloatArray
    """Shape (7,), Nm/rad."""
    joint_damping: FloatArray
    """Shape (7,), Nms/rad."""
    time_constant_s: float
    """Of the low-pass on targets; 0 for none."""
    gains_time_constant_s: float


@dataclass(kw_only=True, eq=False)
class Track:
    """Holds a motion and its set-points; only `Steering` looks inside and changes it."""

    law: Law
    motion: Motion
    clips: tuple[float, ...]
    """Clips that a pose motion was built with."""
    posture: FloatArray
    """Joint positions that the null space prefers in this motion. Shape (7,), rad."""
    shaped: SetPoint
    """The goal behind its low-pass."""
    shaped_ns: int
    twist: FloatArray
    """Of the shaped pose, m/s and rad/s, where targets are interpolated. Shape (6,)."""
    anchor: Pose
    """Where a wrench motion holds the axes that are not forced."""
    sent: SetPoint | None = None
    """Last reference that the motion was given; None before the first one."""
    pull: float = 0.0
    """Stiffness with which the motion pulls to its posture, Nm/rad."""


class Steering:
    """Computes the set-points of one arm. Any thread may call any method; each returns within a fraction of a ms.

    Args:
        setup: What does not change.
        on_due: Called when another motion should run; must not block.
    """

    def __init__(self, setup: Setup, on_due: Callable[[], None]) -> None:
        self._setup = setup
        self._on_due = on_due
        self._lock = threading.Lock()
        self._torque_bound = TORQUE_SHARE * np.array(setup.facts.torque)
        self._joint_limits = JointLimits(
            setup.joint_stiffness, setup.joint_damping, self._torque_bound, SPEED_SHARE * np.array(setup.facts.speed)
        )
        self._joint_slew = SLEW_SHARE * np.array(setup.facts.speed)
        self._joint_speed = np.array(setup.facts.speed)
        self._walls = self._joint_limit_walls = joint_walls(setup.facts)
        self._compliance = FullCompliance()
        self._lead_s = _lead(self._compliance)
        self._bounds = UNBOUNDED
        self._limits = self._spring_limits()
        self._clips = tuple(self._limits.symmetric.tolist())
        self._wanted: Law | None = None
        self._goal: SetPoint | None = None
        self._running: Track | None = None
        self._posture = setup.posture
        self._is_holding = False
        self._braking_end_ns = 0
        self._period_s = 0.0
        self._leg: Leg | None = None

    @property
    def is_due(self) -> bool:
        """Returns whether another motion than the present one should run."""
        running = self._running
        if self._wanted is None:
            return False
        if running is None or running.law is not self._wanted:
            return True
        return running.law is Law.POSE and (running.clips != self._clips or running.posture is not self._posture)

    @property
    def law(self) -> Law | None:
        """Returns the law of the motion that runs."""
        return None if self._running is None else self._running.law

    def follow(self, target: Target, state: ArmSample, now_ns: int) -> None:
        """Tracks a target from now on."""
        with self._lock:
            self._wanted, self._goal = _law_and_goal(target)
            self._is_holding = False
            is_due = self.is_due
            self._leg = self._plan_leg(state, now_ns)
            if self._running is not None:
                self._advance(self._running, state, now_ns)
        if is_due:
            self._on_due()

    def set_pace(self, period_s: float) -> None:
        """Says when the target after the next one can be expected, s; 0 when that is not known."""
        self._period_s = period_s

    def hold(self, state: ArmSample) -> None:
        """Brakes, then holds where the arm rests: joints when those were tracked, else the pose.

        Without a motion the arm rests anyway.
        """
        with self._lock:
            running = self._running
            if running is None:
                self._wanted = self._goal = None
                return
            self._wanted = Law.JOINTS if running.law is Law.JOINTS else Law.POSE
            if not self._is_holding:
                self._is_holding, self._goal = True, None
                self._braking_end_ns = state.time_ns + BRAKING_NS
            if running.law is Law.WRENCH:
                running.shaped = np.zeros(6)
                self._send(running, state)
            else:
                self._rest(running, state)
            is_due = self.is_due
        if is_due:
            self._on_due()

    def set_compliance(self, compliance: FullCompliance) -> None:
        """Changes the Cartesian impedance, also while moving; other clips need another motion."""
        with self._lock:
            self._compliance = compliance
            self._lead_s = _lead(compliance)
            self._limits = self._spring_limits()
            self._clips = tuple(self._limits.symmetric.tolist())
            running, is_due = self._running, self.is_due
            if running is not None and isinstance(running.motion, franky.CartesianImpedanceTrackingMotion):
                retune(running.motion, compliance)
                running.pull = compliance.nullspace_stiffness
        if is_due:
            self._on_due()

    def set_bounds(self, bounds: MotionBounds) -> None:
        """Keeps to bounds from the next turn on."""
        with self._lock:
            self._bounds = bounds
            self._limits = self._spring_limits()

    def _spring_limits(self) -> SpringLimits:
        return spring_limits(self._compliance, self._torque_bound, self._bounds, self._joint_speed)

    def retire(self, before_ns: int) -> bool:
        """Gives up, until the next target, a pose that has been held since an instant; returns whether it was."""
        with self._lock:
            is_idle = self._is_holding and self._running is not None and self._braking_end_ns <= before_ns
            if is_idle:
                self._wanted = self._goal = None
                self._is_holding = False
            return is_idle

    def renew(self, state: ArmSample, now_ns: int) -> None:
        """Brings the set-point of the running motion up to date."""
        with self._lock:
            if self._running is not None:
                self._advance(self._running, state, now_ns)

    def prepare(self, state: ArmSample, now_ns: int) -> Track | None:
        """Makes the motion that should run, if it is another than the present one; it begins where the arm is now."""
        with self._lock:
            law, running = self._wanted, self._running
            if law is None or not self.is_due:
                return None
            if running is None or running.law is not law:
                self._posture = _posture(self._setup, state)
                self._walls = joint_walls(self._setup.facts, state.joint_positions)
            if running is not None and running.law is law:
                shaped = running.shaped
            else:
                shaped = np.zeros(6) if law is Law.WRENCH else _measured(law, state)
            posture = self._posture
            assert posture is not None, "set when the first motion was prepared"
            track = Track(
                law=law,
                motion=self._build(law, state, posture),
                clips=self._clips,
                posture=posture,
                shaped=shaped,
                shaped_ns=now_ns,
                twist=np.zeros(6),
                anchor=state.tcp_pose,
                pull=self._compliance.nullspace_stiffness,
            )
            self._send(track, state)
            return track

    def started(self, track: Track, state: ArmSample, now_ns: int) -> None:
        """Takes note that a motion runs now. When nothing should any more, it holds."""
        with self._lock:
            before, self._running = self._running, track
            if before is not None and before.law is track.law:
                track.shaped, track.shaped_ns, track.twist = before.shaped, before.shaped_ns, before.twist
            if self._wanted is None:
                self._wanted = Law.POSE if track.law is Law.WRENCH else track.law
                self._is_holding, self._goal = True, None
                self._braking_end_ns = state.time_ns + BRAKING_NS
            self._advance(track, state, now_ns)

    def ended(self, *, forget: bool) -> None:
        """Takes note that no motion runs any more; with `forget`, nothing starts by itself either."""
        with self._lock:
            self._running = None
            if forget:
                self._wanted = self._goal = None

    def _plan_leg(self, state: ArmSample, now_ns: int) -> Leg | None:
        if not self._bounds.interpolates or not self._period_s or not isinstance(self._goal, Pose):
            return None
        running = self._running
        present = None if self._leg is None else self._leg.at(now_ns)
        if present is None or running is None or running.law is not Law.POSE:
            present = state.tcp_pose
        return Leg(present, self._goal, now_ns, self._period_s)

    def _rest(self, running: Track, state: ArmSample) -> None:
        """Brakes an arm that holds; when it is slow, where it is becomes the goal."""
        self._leg, running.twist = None, np.zeros(6)
        if self._goal is None and (is_slow(state) or state.time_ns >= self._braking_end_ns):
            self._goal = _measured(running.law, state)
            self._rest_posture(running, state)
        running.shaped = _measured(running.law, state) if self._goal is None else self._goal
        self._send(running, state)

    def _rest_posture(self, running: Track, state: ArmSample) -> None:
        """Lets the null space rest where it is, too, unless the cell's file names a posture."""
        if self._setup.posture is None:
            distance = float(np.abs(running.posture - state.joint_positions).max())
            if distance > POSTURE_SLACK_RAD:
                self._posture = state.joint_positions

    def _build(self, law: Law, state: ArmSample, posture: FloatArray) -> Motion:
        setup = self._setup
        if law is Law.POSE:
            return pose_motion(self._compliance, self._limits, posture, setup.facts, setup.gains_time_constant_s)
        if law is Law.JOINTS:
            return joint_motion(setup.joint_stiffness, setup.joint_damping, setup.facts)
        return wrench_motion(self._wrench_torque(np.zeros(6), state, posture, state.tcp_pose), setup.facts)

    def _advance(self, track: Track, state: ArmSample, now_ns: int) -> None:
        """Advances the low-pass and sends the motion its set-point."""
        elapsed_s, track.shaped_ns = (now_ns - track.shaped_ns) * 1e-9, now_ns
        if self._is_holding and track.law is self._wanted:
            self._rest(track, state)
            return
        goal, shaped = self._goal, track.shaped
        if goal is not None and track.law is self._wanted:
            ratio = share(elapsed_s, self._setup.time_constant_s)
            if isinstance(goal, Pose) and isinstance(shaped, Pose):
                track.shaped = approach_pose(shaped, goal if self._leg is None else self._leg.at(now_ns), ratio)
                if self._leg is not None and elapsed_s > 0.0:
                    track.twist = way(shaped, track.shaped) / elapsed_s
            elif not isinstance(goal, Pose) and not isinstance(shaped, Pose):
                if track.law is Law.JOINTS:
                    moved = approach(shaped, goal, ratio, self._joint_slew * elapsed_s)
                    track.shaped = self._slowed(shaped, moved, state, elapsed_s)
                else:
                    track.shaped = approach(shaped, goal, ratio)
        self._send(track, state)

    def _slowed(self, present: FloatArray, moved: FloatArray, state: ArmSample, elapsed_s: float) -> FloatArray:
        """Shortens a step of the joints' set-point to what the TCP's top speeds allow. Shapes (7,)."""
        twist = state.jacobian @ (moved - present)
        far = max(
            math.sqrt(float(twist[:3] @ twist[:3])) / self._bounds.speed,
            math.sqrt(float(twist[3:] @ twist[3:])) / self._bounds.rotation_speed,
        )
        return moved if far <= elapsed_s else present + (moved - present) * (elapsed_s / far)

    def _send(self, track: Track, state: ArmSample) -> None:
        shaped, motion = track.shaped, track.motion
        if isinstance(motion, franky.CartesianImpedanceTrackingMotion) and isinstance(shaped, Pose):
            self._pull_to_posture(track, motion, state)
            if self._is_holding:
                pose = brake_pose(shaped, state, self._limits)
            else:
                led = shaped if self._leg is None else ahead(shaped, track.twist, self._lead_s)
                pose = limit_pose(led, state, self._limits, self._walls)
            if pose is not track.sent:
                motion.set_reference(pose_reference(pose))
                track.sent = pose
        elif isinstance(motion, franky.JointImpedanceTrackingMotion) and isinstance(shaped, np.ndarray):
            joints = limit_joints(shaped, state, self._joint_limits, self._joint_limit_walls)
            if joints is not track.sent:
                motion.set_reference(franky.JointReference(q=joints))
                track.sent = joints
        elif isinstance(motion, franky.SimpleTorqueMotion) and isinstance(shaped, np.ndarray):
            # Also when nothing changed: it ends otherwise.
            track.anchor = next_anchor(track.anchor, shaped, state)
            motion.set_torque(self._wrench_torque(shaped, state, track.posture, track.anchor))

    def _pull_to_posture(self, track: Track, motion: franky.CartesianImpedanceTrackingMotion, state: ArmSample) -> None:
        """Keeps the pull to the posture within its bound."""
        whole = self._compliance.nullspace_stiffness
        pull = posture_stiffness(whole, track.posture, state)
        if abs(pull - track.pull) > PULL_TOLERANCE * whole:
            motion.set_nullspace_gains(nullspace_gains(self._compliance, pull))
            track.pull = pull

    def _wrench_torque(self, wrench: FloatArray, state: ArmSample, posture: FloatArray, anchor: Pose) -> FloatArray:
        acting = push(wrench, state, anchor, self._limits, self._bounds)
        stiffness = self._compliance.nullspace_stiffness
        return wrench_torque(acting.spring, state, acting.damping, posture, stiffness, self._torque_bound, self._walls)


def _law_and_goal(target: Target) -> tuple[Law, SetPoint]:
    if isinstance(target, Pose):
        return Law.POSE, target
    if isinstance(target, JointTarget):
        return Law.JOINTS, target.positions
    assert isinstance(target, WrenchTarget)
    return Law.WRENCH, target.wrench


def _lead(compliance: FullCompliance) -> tuple[float, float]:
    """Returns damping over stiffness of translation and rotation, s; no lead without stiffness."""
    pairs = (
        (compliance.translational_damping, compliance.translational_stiffness),
        (compliance.rotational_damping, compliance.rotational_stiffness),
    )
    linear, angular = (damping / stiffness if stiffness > 0.0 else 0.0 for damping, stiffness in pairs)
    return linear, angular


def _posture(setup: Setup, state: ArmSample) -> FloatArray:
    return state.joint_positions if setup.posture is None else setup.posture


def _measured(law: Law, state: ArmSample) -> SetPoint:
    if law is Law.JOINTS:
        return state.joint_positions
    return state.tcp_pose
