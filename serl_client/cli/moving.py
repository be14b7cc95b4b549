"""Implements the subcommands that move something: move, home, gripper."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serl_api.enums import FaultSource, GripperMotion, SessionClass
from serl_api.rotation import from_rotvec, multiply
from serl_api.values import GripperState, JointTarget, Pose, RobotState
from serl_client.cli.options import CommandError, Moving, UsageError, say
from serl_client.robot import RobotClient
from serl_client.session import ControlSession

_GRIPPER_PERIOD_S = 0.1
_GRIPPER_STEPS = 50
_GRIPPER_STILL_STEPS = 3


@dataclass(frozen=True, kw_only=True)
class Controlling(Moving):
    """Controls the arm as an operator."""

    take_over: bool = False
    """Take the arm from a learner that controls it; its actor waits, and goes on afterwards."""

    def control(self, robot: RobotClient) -> ControlSession:
        """Opens a session."""
        return robot.control(session_class=SessionClass.OPERATOR, take_over=self.take_over)


@dataclass(frozen=True, kw_only=True)
class Move(Controlling):
    """Move the TCP to a pose, or the joints to positions, and hold there.

    Try: serl-robot move --relative --xyz 0 0 0.02
    """

    xyz: tuple[float, float, float] | None = None
    """Position of the TCP in base, in m; left out: where it is."""
    rotation_vector: tuple[float, float, float] | None = None
    """Turn of the TCP from its present orientation, about base axes, in rad."""
    relative: bool = False
    """Add --xyz to the present position, or --joints to the present positions."""
    joints: tuple[float, ...] = ()
    """Joint positions, in rad, in place of a pose."""
    speed: float = 0.2
    """Fraction of the configured top speed, in (0, 1]."""

    def run(self) -> None:
        """Moves, and ends when the goal is reached."""
        if not 0.0 < self.speed <= 1.0:
            raise UsageError(f"--speed is {self.speed:g}; it must be in (0, 1]")
        if bool(self.joints) == (self.xyz is not None or self.rotation_vector is not None):
            raise UsageError("say either --joints, or --xyz and --rotation-vector, or one of these two")
        with self.connect() as robot:
            goal = self._joint_goal(robot) if self.joints else self._pose_goal(robot)
            self.confirm(robot, f"move to {_text(goal)}")
            with self.control(robot) as session:
                state = session.move(goal, self.speed).state
        where = state.joint_positions if self.joints else state.tcp_pose.position
        say(f"reached {np.array2string(where, precision=4)}")

    def _joint_goal(self, robot: RobotClient) -> JointTarget:
        count = robot.info.arm.joint_count
        if len(self.joints) != count:
            raise UsageError(f"--joints has {len(self.joints)} values; {robot.info.arm.model} has {count} joints")
        present = robot.get_state().joint_positions if self.relative else 0.0
        return JointTarget(present + np.array(self.joints))

    def _pose_goal(self, robot: RobotClient) -> Pose:
        pose = robot.get_state().tcp_pose
        position = pose.position
        if self.xyz is not None:
            position = np.array(self.xyz) + (position if self.relative else 0.0)
        if self.rotation_vector is None:
            return Pose(position, pose.quaternion_xyzw)
        turn = from_rotvec(self.rotation_vector)
        return Pose(position, np.array(multiply(turn, pose.quaternion_xyzw.tolist())))


@dataclass(frozen=True, kw_only=True)
class Home(Controlling):
    """Move the joints to the cell's home."""

    speed: float = 0.2
    """Fraction of the configured top speed, in (0, 1]."""

    def run(self) -> None:
        """Moves, and ends when home is reached."""
        if not 0.0 < self.speed <= 1.0:
            raise UsageError(f"--speed is {self.speed:g}; it must be in (0, 1]")
        with self.connect() as robot:
            self.confirm(robot, "move to its home")
            with self.control(robot) as session:
                session.move(JointTarget(robot.info.arm.home), self.speed)
        say("reached home")


@dataclass(frozen=True, kw_only=True)
class Gripper(Controlling):
    """Open or close the gripper, or run its activation.

    Try: serl-robot gripper --width 0.03
    """

    width: float | None = None
    """Opening to go to, in m."""
    activate: bool = False
    """Run the activation or homing cycle instead; the fingers move."""

    def run(self) -> None:
        """Moves the fingers, and ends when they stand still."""
        if (self.width is None) == (not self.activate):
            raise UsageError("say either --width or --activate")
        with self.connect() as robot:
            gripper = robot.info.gripper
            if gripper is None:
                raise UsageError(f"cell {robot.info.cell_name} has no gripper")
            if self.width is not None and not 0.0 <= self.width <= gripper.max_width:
                raise UsageError(
                    f"--width is {self.width:g} m; {gripper.model} opens from 0 to {gripper.max_width:g} m"
                )
            if not self.activate:
                _require_active(robot.get_state())
            self.confirm(robot, "move its fingers")
            with self.control(robot) as session:
                if self.activate:
                    session.activate_gripper()
                state = _settle(session, self.width)
        say(f"gripper at {state.width:.4f} m, {state.motion.name.lower().replace('_', ' ')}")


def _settle(session: ControlSession, target_width: float | None) -> GripperState:
    """Steps until the fingers stand still; in lockstep too, time passes only in steps.

    Raises:
        CommandError: They do not answer, or do not come to rest in time.
    """
    still_steps = 0
    state = session.opening_observation.state
    for _ in range(_GRIPPER_STEPS):
        state = session.step(period_s=_GRIPPER_PERIOD_S, gripper_width=target_width).observation.state
        gripper = _present(state)
        is_still = gripper.motion not in (GripperMotion.MOVING, GripperMotion.INACTIVE)
        still_steps = still_steps + 1 if is_still else 0
        if still_steps == _GRIPPER_STILL_STEPS:
            _require_active(state)
            return gripper
    _require_active(state)
    seconds = _GRIPPER_STEPS * _GRIPPER_PERIOD_S
    raise CommandError(
        f"the fingers still move after {seconds:g} s, at {_present(state).width:.4f} m; look at serl-robot status"
    )


def _present(state: RobotState) -> GripperState:
    if state.gripper is None:
        raise CommandError(
            f"the gripper does not answer{_because(state)}; look at its cable, power and serl-robot faults"
        )
    return state.gripper


def _require_active(state: RobotState) -> None:
    """Raises CommandError when the gripper would ignore a width: it is not activated, or faulted."""
    gripper = _present(state)
    if gripper.motion is GripperMotion.INACTIVE:
        raise CommandError(
            "the gripper is not activated and ignores widths; run serl-robot gripper --activate first, which closes "
            "and opens the fingers fully"
        )
    if gripper.motion is GripperMotion.FAULTED:
        raise CommandError(
            f"the gripper is faulted{_because(state)}; mend that, run serl-robot recover, then --activate"
        )


def _because(state: RobotState) -> str:
    """Lists the gripper's faults in brackets."""
    texts = [fault.text for fault in state.faults if fault.source is FaultSource.GRIPPER]
    return f" ({'; '.join(texts)})" if texts else ""


def _text(goal: Pose | JointTarget) -> str:
    if isinstance(goal, JointTarget):
        return f"joints {np.array2string(goal.positions, precision=3)} rad"
    return f"{np.array2string(goal.position, precision=3)} m"
