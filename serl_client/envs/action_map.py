"""Maps actions in [-1, 1] to increments on a pose and openings of the gripper."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from serl_api.enums import IncrementBase
from serl_api.pose_increment import PoseIncrement
from serl_api.values import FloatArray
from serl_client.envs.task import Task

_BINARY_THRESHOLD = 0.5


@dataclass(frozen=True, kw_only=True)
class ActionMap:
    """Maps an action's components to targets."""

    task: Task
    """Scales, and whether there is a gripper."""
    rotation: bool
    """Whether actions turn the TCP."""
    binary_gripper: bool
    """Whether the gripper only opens, closes or keeps."""
    max_width: float
    """Widest opening of the gripper, m."""
    added_to: IncrementBase = IncrementBase.MEASURED
    """What a movement is added to."""

    @cached_property
    def space(self) -> spaces.Box[np.float32]:
        """Returns the space of actions."""
        size = (6 if self.rotation else 3) + int(self.task.has_gripper)
        return spaces.Box(-1.0, 1.0, (size,), np.float32)

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

    def increment(self, action: FloatArray, kept_quaternion_xyzw: FloatArray) -> PoseIncrement:
        """Makes the increment of a checked action; the kept orientation holds where actions do not turn the TCP."""
        return PoseIncrement(
            translation=self.task.translation_scale * action[:3],
            rotation=self.task.rotation_scale * action[3:6] if self.rotation else None,
            quaternion_xyzw=None if self.rotation else kept_quaternion_xyzw,
            added_to=self.added_to,
            box=self.task.box,
        )

    def gripper_width(self, action: FloatArray) -> float | None:
        """Computes the opening, m; None leaves the gripper as it is."""
        if not self.task.has_gripper:
            return None
        value = float(action[-1])
        if not self.binary_gripper:
            return 0.5 * (value + 1.0) * self.max_width
        if abs(value) <= _BINARY_THRESHOLD:
            return None
        return self.max_width if value > 0.0 else 0.0
