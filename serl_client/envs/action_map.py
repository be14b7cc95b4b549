"""Maps actions in [-1, 1] to targets of the arm and openings of the gripper."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeAlias

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from serl_api.pose_increment import PoseIncrement
from serl_api.values import FloatArray, JointTarget, Observation, WrenchTarget

GRIPPER = "gripper"
"""Name of the component that drives the gripper."""
_BINARY_THRESHOLD = 0.5

ArmTarget: TypeAlias = PoseIncrement | JointTarget | WrenchTarget
"""What an action may ask of an arm."""


class ArmActions(Protocol):
    """Maps the components of an action that move the arm."""

    @property
    def names(self) -> tuple[str, ...]:
        """Returns the name of each component."""
        ...

    @property
    def bounds(self) -> tuple[FloatArray, FloatArray] | None:
        """Returns what -1 and 1 of each component mean in SI units; None where that is no absolute quantity."""
        ...

    @property
    def turning_obstacle(self) -> str:
        """Returns why actions cannot be given in axes other than the base's; empty where they can."""
        ...

    def target(self, action: FloatArray, start: Observation) -> ArmTarget:
        """Makes the target of a checked action, in an episode that began with `start`."""
        ...


@dataclass(frozen=True, kw_only=True)
class ActionMap:
    """Maps an action's components to targets."""

    arm: ArmActions
    """Maps those that move the arm."""
    has_gripper: bool
    """Whether the last component drives a gripper."""
    binary_gripper: bool
    """Whether the gripper only opens, closes or keeps."""
    max_width: float
    """Widest opening of the gripper, m."""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Returns the name of each component."""
        return (*self.arm.names, GRIPPER) if self.has_gripper else self.arm.names

    @property
    def bounds(self) -> tuple[FloatArray, FloatArray] | None:
        """Returns what -1 and 1 of each component mean, in SI units; None where they are no absolute quantities."""
        of_arm = self.arm.bounds
        if of_arm is None or not self.has_gripper:
            return of_arm
        return np.append(of_arm[0], 0.0), np.append(of_arm[1], self.max_width)

    @cached_property
    def space(self) -> spaces.Box[np.float32]:
        """Returns the space of actions."""
        return spaces.Box(-1.0, 1.0, (len(self.names),), np.float32)

    def checked(self, action: NDArray[np.floating]) -> FloatArray:
        """Returns the action as float64, clipped to [-1, 1].

        Raises:
            ValueError: It has a wrong shape, or a component that is not finite.
        """
        array = np.asarray(action, float)
        if array.shape != self.space.shape:
            raise ValueError(f"the action has shape {array.shape}; it must be {self.space.shape} in [-1, 1]")
        if not np.isfinite(array).all():
            raise ValueError(f"the action is {array.tolist()}; every component must be finite and in [-1, 1]")
        return np.clip(array, -1.0, 1.0)

    def target(self, action: FloatArray, start: Observation) -> ArmTarget:
        """Makes the arm's target of a checked action, in an episode that began with `start`."""
        return self.arm.target(action, start)

    def gripper_width(self, action: FloatArray) -> float | None:
        """Computes the opening, m; None leaves the gripper as it is."""
        if not self.has_gripper:
            return None
        value = float(action[-1])
        if not self.binary_gripper:
            return 0.5 * (value + 1.0) * self.max_width
        if abs(value) <= _BINARY_THRESHOLD:
            return None
        return self.max_width if value > 0.0 else 0.0
