"""Lay a held cable into a clip: compliance, start, box and reward, with the numbers of upstream."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from serl_api.pose_box import PoseBox
from serl_api.rotation import conjugate, rotate
from serl_api.values import Observation, Pose
from serl_client.envs.reset_plan import ResetPlan, Retreat
from serl_client.envs.rewards import NoReward
from serl_client.envs.task import SERL_COMPLIANCE, Outcome, Task
from serl_client.wrappers.flatten_state import StateComponent
from serl_tasks.cable_route.places import (
    AIMED_LINK,
    CLIP,
    CLIP_HALF_LENGTH,
    CLIP_PLACE,
    HELD_AT,
    HELD_HEIGHT,
    LAID,
    RADIUS,
    SEGMENTS,
)
from serl_tasks.peg_insert.expert import PegInsertExpert, PegInsertTuning


@dataclass(frozen=True, kw_only=True)
class BetweenJaws:
    """1 and the end once a link of the cable is between the clip's jaws and below its mouth, else 0."""

    success_depth: float = 0.006
    """Depth of the cable's axis below the mouth that counts, m."""
    tracked_objects: tuple[str, ...] = (*LAID, CLIP)
    """Links, and the clip."""

    def __call__(self, start: Observation, now: Observation) -> Outcome:
        """Judges by where the links are now: a point of one, its end towards the fingers, is inside."""
        del start
        depth = max((self._depth(now, name) for name in self.tracked_objects[:-1]), default=-math.inf)
        success = depth >= self.success_depth
        return Outcome(reward=float(success), terminated=success, success=success, facts={"depth": depth})

    def _depth(self, now: Observation, link: str) -> float:
        """Depth of a link's end below the mouth, m; minus infinity where it is not between the jaws."""
        mouth = now.tracked_objects[CLIP].pose
        to_mouth = conjugate(mouth.quaternion_xyzw.tolist())
        x, y, z = rotate(to_mouth, now.tracked_objects[link].pose.position - mouth.position)
        return -float(z) if abs(x) <= CLIP_HALF_LENGTH and abs(y) <= RADIUS else -math.inf


_XYZ, _LAST = (0, 1, 2), (3, 4, 5)
_SEATED = Pose(np.array((CLIP_PLACE[0] - HELD_AT, CLIP_PLACE[1], HELD_HEIGHT)), np.array((1.0, 0.0, 0.0, 0.0)))
"""Pose of the TCP with the cable in the clip."""
_MIDDLE = (*_SEATED.position[:2].tolist(), HELD_HEIGHT + 0.05)
_TIP = SEGMENTS[AIMED_LINK]

_STATE = (
    StateComponent(name="tcp_position", key="tcp_pose", indices=_XYZ, offset=_MIDDLE, scale=0.05),
    StateComponent(name="tcp_linear_velocity", key="tcp_twist", indices=_XYZ, scale=0.1),
    StateComponent(name="tcp_force", key="tcp_wrench", indices=_XYZ, scale=10.0),
    StateComponent(name="tcp_torque", key="tcp_wrench", indices=_LAST, scale=1.0),
    StateComponent(
        name="tcp_axis_x", key="tcp_pose", indices=(0, 3), scale=1.0, as_rotation_matrix=True, needs_rotation=True
    ),
    StateComponent(name="tcp_angular_velocity", key="tcp_twist", indices=_LAST, scale=1.0, needs_rotation=True),
    StateComponent(
        name="cable_position",
        key=f"{_TIP}_position",
        indices=_XYZ,
        offset=(*CLIP_PLACE, HELD_HEIGHT),
        scale=0.02,
    ),
)
"""20 numbers, 15 without rotation."""

CABLE_ROUTE = Task(
    name="cable-route",
    rewards={"sparse": BetweenJaws(), "none": NoReward()},
    state=_STATE,
    tracked_objects=(_TIP,),
    translation_scale=0.05,
    rotation_scale=0.3,
    compliance=replace(
        SERL_COMPLIANCE,
        translational_clip_positive=(0.005, 0.005, 0.005),
        translational_clip_negative=(0.005, 0.005, 0.005),
        rotational_clip_positive=(0.1, 0.1, 0.04),
        rotational_clip_negative=(0.1, 0.1, 0.04),
    ),
    start=PoseBox(center=_SEATED, lower=(-0.1, -0.1, 0.1), upper=(0.1, 0.1, 0.1), rotation=(0.0, 0.0, math.pi / 6)),
    start_gripper_width=2 * RADIUS,
    reset_plan=ResetPlan(retreats=(Retreat(offset=(0.0, 0.0, 0.05)),), joint_reset_interval=200),
    box=PoseBox(center=_SEATED, lower=(-0.1, -0.1, -0.006), upper=(0.1, 0.1, 0.1), rotation=(0.01, 0.01, math.pi / 6)),
    rotation=True,
    has_gripper=False,
    max_episode_steps=100,
    expert=partial(
        PegInsertExpert,
        tuning=PegInsertTuning(
            tip=_TIP,
            hole=CLIP,
            hover_height=0.008,
            aligned_distance=0.002,
            aligned_angle=0.05,
            still_distance=0.003,
            entry_step=0.01,
            inside_depth=0.004,
        ),
    ),
)
"""SERL's cable routing (`FrankaCableRoute`): from anywhere 10 cm above, up to 10 cm and 30 degrees off.

The numbers are upstream's; its rotation error is half the angle, so the rotational clip is twice as large here.
"""

CABLE_ROUTE_VISION = replace(
    CABLE_ROUTE,
    name="cable-route-vision",
    state=_STATE[:-1],
    tracked_objects=(),
    cameras=("front", "wrist"),
)
"""The same from two cameras; the links' poses serve the reward alone."""
