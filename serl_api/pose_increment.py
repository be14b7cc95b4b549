"""Adds increments to poses: what an environment asks for, and what a daemon makes of it when it takes effect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serl_api.enums import IncrementBase
from serl_api.keep_out import KeepOut
from serl_api.pose_box import PoseBox
from serl_api.rotation import canonical, from_rotvec, multiply, normalized
from serl_api.values import FloatArray, Pose


@dataclass(frozen=True, kw_only=True, eq=False)
class PoseIncrement:
    """Asks for a pose that is as far from another as this says.

    The daemon adds it to a pose that it knows when the request takes effect; an observation is older by the age of its
    frames and by the time that a policy takes.
    """

    translation: FloatArray
    """Along base axes, shape (3,), m."""
    rotation: FloatArray | None = None
    """Rotation vector about base axes on top of the base pose's orientation, shape (3,), rad; None keeps that."""
    quaternion_xyzw: FloatArray | None = None
    """Orientation in place of the base pose's, shape (4,); None where there is a rotation."""
    added_to: IncrementBase = IncrementBase.MEASURED
    """The base pose."""
    box: PoseBox | None = None
    """Bounds of the result."""
    keep_out: KeepOut | None = None
    """What the result stays out of; applied after the bounds."""

    def on(self, base: Pose) -> Pose:
        """Returns the pose that results on a base pose."""
        quaternion = base.quaternion_xyzw if self.quaternion_xyzw is None else self.quaternion_xyzw
        if self.rotation is not None:
            turned = multiply(from_rotvec(self.rotation.tolist()), base.quaternion_xyzw.tolist())
            quaternion = np.array(canonical(turned))
        pose = Pose(base.position + self.translation, quaternion)
        if self.box is not None:
            pose = self.box.clip(pose)
        if self.keep_out is not None:
            pose = Pose(self.keep_out.stop(base.position, pose.position), pose.quaternion_xyzw)
        return Pose(pose.position, np.array(normalized(pose.quaternion_xyzw.tolist())))
