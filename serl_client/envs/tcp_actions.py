"""Maps components of an action to increments on a pose of the TCP."""

from __future__ import annotations

from dataclasses import dataclass

from serl_api.enums import IncrementBase
from serl_api.pose_increment import PoseIncrement
from serl_api.values import FloatArray, Observation
from serl_client.envs.task import Task

_TRANSLATION, _ROTATION = ("x", "y", "z"), ("rx", "ry", "rz")


@dataclass(frozen=True, kw_only=True)
class TcpActions:
    """Adds a translation, and a rotation where the TCP is turned, to a pose that the daemon knows; `ArmActions`."""

    task: Task
    """Scales and box."""
    rotation: bool
    """Whether actions turn the TCP; else it keeps the orientation with which the episode began."""
    added_to: IncrementBase = IncrementBase.MEASURED
    """What a movement is added to."""

    @property
    def names(self) -> tuple[str, ...]:
        """Returns the axes, with rotation those of the rotation vector too."""
        return (*_TRANSLATION, *_ROTATION) if self.rotation else _TRANSLATION

    @property
    def bounds(self) -> None:
        """Returns None: an increment is no absolute quantity."""
        return

    @property
    def turning_obstacle(self) -> str:
        """Returns nothing: translation and rotation are vectors."""
        return ""

    def target(self, action: FloatArray, start: Observation) -> PoseIncrement:
        """Makes the increment."""
        return PoseIncrement(
            translation=self.task.translation_scale * action[:3],
            rotation=self.task.rotation_scale * action[3:6] if self.rotation else None,
            quaternion_xyzw=None if self.rotation else start.state.tcp_pose.quaternion_xyzw,
            added_to=self.added_to,
            box=self.task.box,
            keep_out=self.task.keep_out,
        )
