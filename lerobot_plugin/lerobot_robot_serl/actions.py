"""Translates LeRobot's dictionaries of numbers to targets of an arm, and what was applied back to numbers.

All names end in `.pos`: `lerobot-rollout` gives a policy no others.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from serl_api.pose_box import PoseBox
from serl_api.rotation import normalized
from serl_api.values import FloatArray, JointTarget, Observation, Pose, RobotState, StepResult
from serl_client.envs.action_map import ActionMap, ArmTarget
from serl_client.envs.observation_map import pose_vector
from serl_client.envs.task import Task
from serl_client.envs.tcp_actions import TcpActions

GRIPPER = "gripper.pos"
POSE_NAMES = tuple(f"tcp_{axis}.pos" for axis in ("x", "y", "z", "qx", "qy", "qz", "qw"))
_SHORTEST_QUATERNION = 0.1


def delta_names(*, rotation: bool, has_gripper: bool) -> tuple[str, ...]:
    """Names the components of an environment's action."""
    axes = ("x", "y", "z", "rx", "ry", "rz") if rotation else ("x", "y", "z")
    return (*(f"delta_{axis}.pos" for axis in axes), *_gripper_names(has_gripper=has_gripper))


def joint_names(count: int) -> tuple[str, ...]:
    """Names the joints, from the base."""
    return tuple(f"joint_{number}.pos" for number in range(1, count + 1))


def pose_numbers(pose: Pose, home_xyzw: FloatArray) -> FloatArray:
    """Returns position and quaternion, shape (7,), the quaternion on home's side.

    The shortest-angle sign jumps where a tool points down, which is where tools work; a policy would have to learn it.
    """
    values = pose_vector(pose)
    if values[3:] @ home_xyzw < 0:
        values[3:] *= -1.0
    return values


@dataclass(frozen=True, eq=False)
class Command:
    """Holds what a control session is asked for."""

    target: ArmTarget | Pose | None
    """Of the arm; None holds."""
    gripper_width: float | None
    """Opening, m; None leaves the gripper as it is."""


class Actions(ABC):
    """Maps the numbers of one kind of action."""

    names: tuple[str, ...]
    """Of the numbers, in order."""

    def begin_episode(self, start: Observation) -> None:  # noqa: B027 - most remember nothing.
        """Begins an episode at a snapshot."""

    @abstractmethod
    def command(self, values: FloatArray) -> Command:
        """Makes the command of finite numbers, shape (len(names),)."""

    @abstractmethod
    def hold(self, state: RobotState) -> FloatArray:
        """Returns the numbers that ask for no motion."""

    @abstractmethod
    def sent(self, values: FloatArray, result: StepResult, before: Pose) -> FloatArray:
        """Returns the numbers of what was applied; `before` is the newest TCP pose known when it was sent."""

    def numbers(self, action: Mapping[str, Any]) -> FloatArray:
        """Takes the numbers out of a dictionary; whatever else is in it is none of this robot's.

        Raises:
            ValueError: One is missing, or not finite.
        """
        missing = [name for name in self.names if name not in action]
        if missing:
            raise ValueError(
                f"the action lacks {', '.join(missing)}; it has {', '.join(action) or 'nothing'}. Choose the kind of "
                "action with --robot.action, and --robot.rotation as the teleoperator's or policy's"
            )
        values = np.array([float(action[name]) for name in self.names])
        if not np.isfinite(values).all():
            bad = ", ".join(name for name, value in zip(self.names, values, strict=True) if not math.isfinite(value))
            raise ValueError(f"the action's {bad} is not a finite number; nothing was sent, and the arm holds")
        return values


class DeltaActions(Actions):
    """Moves the TCP by increments in [-1, 1], as the environments do; the gripper's -1 is closed, 1 open.

    Args:
        task: Scales and bounds.
        rotation: Whether they turn the TCP; else it keeps the orientation with which the episode began.
        max_width: Widest opening of the gripper, m.
    """

    def __init__(self, task: Task, *, rotation: bool, max_width: float) -> None:
        self._translation_scale = task.translation_scale
        moved_tcp = TcpActions(task=task, rotation=rotation)
        self._map = ActionMap(arm=moved_tcp, has_gripper=task.has_gripper, binary_gripper=False, max_width=max_width)
        self._start: Observation | None = None
        self.names = delta_names(rotation=rotation, has_gripper=task.has_gripper)

    def begin_episode(self, start: Observation) -> None:
        """Keeps the orientation of this snapshot from now on, where actions do not turn the TCP."""
        self._start = start

    def command(self, values: FloatArray) -> Command:
        """Adds to the pose that the daemon measures when the action takes effect."""
        assert self._start is not None  # An episode begins with the connection.
        checked = self._map.checked(values)
        return Command(self._map.target(checked, self._start), self._map.gripper_width(checked))

    def hold(self, state: RobotState) -> FloatArray:
        """Returns zeros, and the opening that the gripper was asked for, so that it does not let go."""
        values = np.zeros(len(self.names))
        if state.gripper is not None and self._map.has_gripper:
            values[-1] = np.clip(2.0 * state.gripper.target_width / self._map.max_width - 1.0, -1.0, 1.0)
        return values

    def sent(self, values: FloatArray, result: StepResult, before: Pose) -> FloatArray:
        """Returns the action in [-1, 1]; of a target that the daemon clipped, the translation that is left of it."""
        sent = self._map.checked(values)
        if result.clips and isinstance(result.applied_target, Pose):
            moved = (result.applied_target.position - before.position) / self._translation_scale
            sent[:3] = np.clip(moved, -1.0, 1.0)
        return sent


class PoseActions(Actions):
    """Commands TCP poses in `base`: m, quaternion xyzw of any length but zero; the gripper's opening in m.

    Args:
        box: Of the task; None leaves bounds to the daemon.
        home_xyzw: Orientation whose side of the quaternions is taken.
        has_gripper: Whether the cell has one.
    """

    def __init__(self, box: PoseBox | None, home_xyzw: FloatArray, *, has_gripper: bool) -> None:
        self._box = box
        self._home_xyzw = home_xyzw
        self.names = (*POSE_NAMES, *_gripper_names(has_gripper=has_gripper))

    def command(self, values: FloatArray) -> Command:
        """Normalizes the quaternion and clips to the task's box."""
        length = float(np.linalg.norm(values[3:7]))
        if length < _SHORTEST_QUATERNION:
            raise ValueError(
                f"the quaternion of the action is {values[3:7].tolist()}, of length {length:.3g}; it must be of at "
                f"least {_SHORTEST_QUATERNION}; nothing was sent, and the arm holds"
            )
        pose = Pose(values[:3], np.array(normalized(values[3:7].tolist())))
        return Command(pose if self._box is None else self._box.clip(pose), _gripper_width(values, 7))

    def hold(self, state: RobotState) -> FloatArray:
        """Returns the measured pose."""
        return _with_gripper(pose_numbers(state.tcp_pose, self._home_xyzw), state, len(self.names))

    def sent(self, values: FloatArray, result: StepResult, before: Pose) -> FloatArray:
        """Returns the target that the daemon applied."""
        del before
        applied = result.applied_target
        arm = pose_numbers(applied, self._home_xyzw) if isinstance(applied, Pose) else values[:7]
        return np.concatenate((arm, _applied_gripper(values[7:], result)))


class JointActions(Actions):
    """Commands joint positions in rad; the gripper's opening in m."""

    def __init__(self, joint_count: int, *, has_gripper: bool) -> None:
        self._count = joint_count
        self.names = (*joint_names(joint_count), *_gripper_names(has_gripper=has_gripper))

    def command(self, values: FloatArray) -> Command:
        """Takes them as they are; the daemon holds them within its limits."""
        return Command(JointTarget(values[: self._count]), _gripper_width(values, self._count))

    def hold(self, state: RobotState) -> FloatArray:
        """Returns the measured positions."""
        return _with_gripper(state.joint_positions, state, len(self.names))

    def sent(self, values: FloatArray, result: StepResult, before: Pose) -> FloatArray:
        """Returns the target that the daemon applied."""
        del before
        applied = result.applied_target
        arm = applied.positions if isinstance(applied, JointTarget) else values[: self._count]
        return np.concatenate((arm, _applied_gripper(values[self._count :], result)))


def has_all(names: Sequence[str], action: Mapping[str, Any]) -> bool:
    """Whether an action has all these numbers."""
    return all(name in action for name in names)


def _gripper_names(*, has_gripper: bool) -> tuple[str, ...]:
    return (GRIPPER,) if has_gripper else ()


def _gripper_width(values: FloatArray, index: int) -> float | None:
    return max(float(values[index]), 0.0) if len(values) > index else None


def _with_gripper(arm: FloatArray, state: RobotState, size: int) -> FloatArray:
    if len(arm) == size:
        return arm
    return np.append(arm, 0.0 if state.gripper is None else state.gripper.target_width)


def _applied_gripper(values: FloatArray, result: StepResult) -> FloatArray:
    if not len(values) or result.applied_gripper is None:
        return values
    return np.array((result.applied_gripper.width,))
