"""Insert a held peg into a socket: compliance, start, box and reward, with the numbers of upstream."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from serl_api.pose_box import PoseBox
from serl_api.rotation import conjugate, rotate
from serl_api.values import Observation, Pose
from serl_client.envs.reset_plan import ResetPlan, Retreat
from serl_client.envs.rewards import NoReward, PoseReached
from serl_client.envs.task import SERL_COMPLIANCE, Outcome, Task
from serl_client.wrappers.flatten_state import StateComponent
from serl_tasks.peg_insert.expert import PegInsertExpert
from serl_tasks.peg_insert.places import DEPTH, PEG, PEG_BELOW_TCP, PEG_HALF_EDGE, SOCKET, SOCKET_PLACE


@dataclass(frozen=True, kw_only=True)
class SparseInsertion:
    """1 and the end once an object's tip is deep in a hole, else 0."""

    tip: str = PEG
    """Object whose frame is at the tip."""
    hole: str = SOCKET
    """Object whose frame is in the middle of the hole's mouth, z up, out of it."""
    success_depth: float = 0.025
    """Depth of the tip below the mouth that counts, m."""
    radius: float = 0.004
    """Largest distance of the tip from the hole's axis, m."""

    @property
    def tracked_objects(self) -> tuple[str, ...]:
        """Tip and hole."""
        return (self.tip, self.hole)

    def __call__(self, start: Observation, now: Observation) -> Outcome:
        """Judges by where the tip is now."""
        del start
        depth, offset = _insertion(now, self.tip, self.hole)
        success = depth >= self.success_depth and offset <= self.radius
        return Outcome(
            reward=float(success), terminated=success, success=success, facts={"depth": depth, "offset": offset}
        )


def _insertion(now: Observation, tip: str, hole: str) -> tuple[float, float]:
    """Depth of the tip below the hole's mouth and its distance from the axis, m."""
    mouth = now.tracked_objects[hole].pose
    to_mouth = conjugate(mouth.quaternion_xyzw.tolist())
    inside = rotate(to_mouth, now.tracked_objects[tip].pose.position - mouth.position)
    return -float(inside[2]), math.hypot(float(inside[0]), float(inside[1]))


_XYZ, _LAST = (0, 1, 2), (3, 4, 5)

_STATE = (
    StateComponent(name="tcp_position", key="tcp_pose", indices=_XYZ, offset=(0.5, 0.0, 0.095), scale=0.05),
    StateComponent(name="tcp_linear_velocity", key="tcp_twist", indices=_XYZ, scale=0.1),
    StateComponent(name="tcp_force", key="tcp_wrench", indices=_XYZ, scale=20.0),
    StateComponent(name="tcp_torque", key="tcp_wrench", indices=_LAST, scale=2.0),
    StateComponent(
        name="tcp_axis_x", key="tcp_pose", indices=(0, 3), scale=1.0, as_rotation_matrix=True, needs_rotation=True
    ),
    StateComponent(name="tcp_angular_velocity", key="tcp_twist", indices=_LAST, scale=1.0, needs_rotation=True),
)
"""17 numbers, 12 without rotation; nothing that an arm alone cannot measure."""

_INSERTED = Pose(np.array((*SOCKET_PLACE, PEG_BELOW_TCP)), np.array((1.0, 0.0, 0.0, 0.0)))
"""Pose of the TCP with the peg at the bottom of the socket; on a real cell this is measured, see the training guide."""

PEG_INSERT = Task(
    name="peg-insert",
    rewards={"sparse": SparseInsertion(), "pose": PoseReached(goal=_INSERTED), "none": NoReward()},
    state=_STATE,
    translation_scale=0.02,
    rotation_scale=0.1,
    compliance=replace(
        SERL_COMPLIANCE,
        translational_clip_positive=(0.003, 0.003, 0.01),
        translational_clip_negative=(0.003, 0.003, 0.01),
        rotational_clip_positive=(0.04, 0.04, 0.04),
        rotational_clip_negative=(0.04, 0.04, 0.04),
    ),
    start=PoseBox(
        center=_INSERTED, lower=(-0.05, -0.05, 0.10), upper=(0.05, 0.05, 0.10), rotation=(0.0, 0.0, math.pi / 6)
    ),
    start_gripper_width=2 * PEG_HALF_EDGE,
    reset_plan=ResetPlan(
        retreats=(
            Retreat(offset=(0.0, 0.0, DEPTH + 0.02)),
            Retreat(offset=(0.0, 0.0, -DEPTH - 0.02), frame="tool", speed_ratio=0.05),  # A peg that went in askew.
        ),
        joint_reset_interval=200,
    ),
    box=PoseBox(
        center=_INSERTED, lower=(-0.05, -0.05, 0.0), upper=(0.05, 0.05, 0.1), rotation=(0.01, 0.01, math.pi / 6)
    ),
    rotation=True,
    has_gripper=False,
    max_episode_steps=100,
    expert=PegInsertExpert,
)
"""SERL's peg insertion: a held peg into a socket, from anywhere 10 cm above it, yaw up to 30 degrees off.

The numbers are upstream's (`FrankaPegInsert`); its rotation error is half the angle, so the rotational clip is twice as
large here.
"""

PEG_INSERT_VISION = replace(PEG_INSERT, name="peg-insert-vision", cameras=("front", "wrist"))
"""The same with two cameras."""
