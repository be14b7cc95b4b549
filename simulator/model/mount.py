"""Locates one arm in a scene that may hold two: names of its parts, place of its base, and its joints."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import mujoco
import numpy as np

from serl_api.rotation import multiply, rotate_six_vector
from serl_api.values import FloatArray, Pose, TrackedObject

WRIST_CAMERA = "wrist"
"""Name of the camera that an arm carries."""
RIGHT_GROUPS = 10
"""Added to the actuator groups of a second arm, so that each arm's law switches its own."""


@dataclass(frozen=True, kw_only=True)
class Mount:
    """Says where an arm's base stands, and by which prefix its parts are called."""

    prefix: str = ""
    """Before the name of each part."""
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Of the base, m, in the world."""
    yaw: float = 0.0
    """Of the base about the vertical, rad."""

    @property
    def is_world(self) -> bool:
        """Whether the arm's base is the world's frame."""
        return self.position == (0.0, 0.0, 0.0) and self.yaw == 0.0

    @property
    def quaternion_xyzw(self) -> tuple[float, float, float, float]:
        """Orientation of the base in the world."""
        return (0.0, 0.0, math.sin(0.5 * self.yaw), math.cos(0.5 * self.yaw))

    @cached_property
    def to_base(self) -> FloatArray:
        """Turns the world's axes into the base's. Shape (3, 3)."""
        cosine, sine = math.cos(self.yaw), math.sin(self.yaw)
        return np.array(((cosine, sine, 0.0), (-sine, cosine, 0.0), (0.0, 0.0, 1.0)))

    def name(self, part: str) -> str:
        """Returns the name of a part in the scene."""
        return self.prefix + part

    def camera(self, name: str) -> str:
        """Returns the name in the scene of a camera of this arm's cell: the arms share those that stand."""
        return self.name(name) if name == WRIST_CAMERA else name

    def camera_of(self, called: str) -> str | None:
        """Returns the name in this arm's cell of a camera of the scene; None of the other arm's."""
        name = called.rpartition("/")[2]
        return name if self.camera(name) == called else None

    def group(self, group: int) -> int:
        """Returns an actuator group of this arm."""
        return group + (RIGHT_GROUPS if self.prefix else 0)

    def joints(self, model: mujoco.MjModel) -> slice:
        """Returns the arm's seven joints."""
        first = model.joint(self.name("joint1")).id
        return slice(first, first + 7)

    def positions(self, model: mujoco.MjModel) -> slice:
        """Returns where the joints' positions are."""
        first = int(model.jnt_qposadr[model.joint(self.name("joint1")).id])
        return slice(first, first + 7)

    def velocities(self, model: mujoco.MjModel) -> slice:
        """Returns where the joints' velocities are."""
        first = int(model.jnt_dofadr[model.joint(self.name("joint1")).id])
        return slice(first, first + 7)

    def point(self, position: FloatArray) -> FloatArray:
        """Returns a point of the world in the base. Shape (3,)."""
        return position.copy() if self.is_world else self.to_base @ (position - self.position)

    def orientation(self, quaternion_xyzw: FloatArray) -> FloatArray:
        """Returns an orientation of the world in the base. Shape (4,)."""
        if self.is_world:
            return quaternion_xyzw
        x, y, z, w = self.quaternion_xyzw
        return np.array(multiply((-x, -y, -z, w), quaternion_xyzw.tolist()))

    def vectors(self, jacobian: FloatArray) -> FloatArray:
        """Returns a Jacobian, or a six-vector, with its halves in the base's axes. Shape (6, ...)."""
        if self.is_world:
            return jacobian
        return np.concatenate([self.to_base @ jacobian[:3], self.to_base @ jacobian[3:]])

    def tracked(self, item: TrackedObject) -> TrackedObject:
        """Returns an object of the world as it is in the base."""
        if self.is_world:
            return item
        pose = Pose(self.point(item.pose.position), self.orientation(item.pose.quaternion_xyzw))
        x, y, z, w = self.quaternion_xyzw
        twist = None if item.twist is None else rotate_six_vector((-x, -y, -z, w), item.twist)
        return replace(item, pose=pose, twist=twist)


ALONE = Mount()
"""Of the only arm of a scene, and of the left one of two."""
