"""Turn an egg over in a pan by pushing: wrench, start and reward, after HIL-SERL's egg flip."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from serl_api.pose_box import PoseBox
from serl_api.rotation import conjugate, rotate
from serl_api.values import FloatArray, Observation, Pose
from serl_client.envs.reset_plan import ResetPlan, Retreat
from serl_client.envs.rewards import NoReward
from serl_client.envs.task import Outcome, Task
from serl_client.wrappers.flatten_state import StateComponent
from serl_tasks.egg_flip.expert import EggFlipExpert
from serl_tasks.egg_flip.places import (
    EDGE_RADIUS,
    EGG,
    PAN_FAR,
    PAN_FROM_TCP,
    PAN_HALF_WIDTH,
    PAN_NEAR,
    RIDGE_HEIGHT,
    SPATULA_PLACE,
    YOLK,
    YOLK_HEIGHT,
)

_DOWN = (1.0, 0.0, 0.0, 0.0)
LYING, FLIPPED, LOST = 0.0, 1.0, 2.0
"""What became of the egg, as upstream's classifier of three ways says it: the step's "egg_class"."""


@dataclass(frozen=True, kw_only=True)
class Flipped:
    """1 and the end once the egg lies in the pan upside down and at rest; 0 and the end once it fell out."""

    height: float = EDGE_RADIUS + RIDGE_HEIGHT + 0.001
    """Largest height of the egg's middle over the pan's bottom where it lies, m; it may lie across the ridge."""
    top: float = 0.15
    """Height over the pan's bottom above which the egg is in it no more, m."""
    cosine: float = 0.95
    """Smallest cosine of the angle between the egg's lower side and the pan's."""
    speed: float = 0.05
    """Largest speed of the TCP, m/s, and of the egg, where that is known."""
    level: float = 0.25
    """Largest angle of the pan from level, rad."""
    tracked_objects: tuple[str, ...] = (EGG, YOLK)
    """Egg and yolk."""

    def __call__(self, start: Observation, now: Observation) -> Outcome:
        """Judges by where egg and pan are now."""
        del start
        egg, up = in_pan(now)
        is_inside = -PAN_NEAR < egg[0] < PAN_FAR and abs(egg[1]) < PAN_HALF_WIDTH and -EDGE_RADIUS < egg[2] < self.top
        twists = (now.state.tcp_twist, now.tracked_objects[EGG].twist)
        is_still = all(twist is None or math.hypot(*twist[:3].tolist()) < self.speed for twist in twists)
        is_level = self._slope(now) < self.level
        success = is_inside and is_still and is_level and egg[2] < self.height and up < -self.cosine
        found = FLIPPED if success else LYING if is_inside else LOST
        facts = {"egg_class": found, "egg_up": float(up)}
        return Outcome(reward=float(success), terminated=success or not is_inside, success=success, facts=facts)

    def _slope(self, now: Observation) -> float:
        """Angle of the pan from level, rad."""
        up = rotate(now.state.tcp_pose.quaternion_xyzw.tolist(), np.array((0.0, 0.0, -1.0)))
        return math.acos(min(1.0, max(-1.0, float(up[2]))))


def in_pan(now: Observation) -> tuple[FloatArray, float]:
    """Returns the egg's place in the pan's frame, m, and the cosine between its upper side and the pan's."""
    pose = now.state.tcp_pose
    to_tool = conjugate(pose.quaternion_xyzw.tolist())
    egg, yolk = (now.tracked_objects[name].pose.position for name in (EGG, YOLK))
    place = rotate(_DOWN, rotate(to_tool, egg - pose.position)) - np.array(PAN_FROM_TCP)
    up = rotate(_DOWN, rotate(to_tool, yolk - egg))[2] / YOLK_HEIGHT
    return place, float(up)


_XYZ, _LAST, _XZ = (0, 1, 2), (3, 4, 5), (0, 2)
_SPATULA_AT = (0.095, 0.0, 0.035)
"""Middle of where the spatula's tip is in the pan at the start."""
_START = Pose(np.array(SPATULA_PLACE) - np.array(_SPATULA_AT) - np.array(PAN_FROM_TCP), np.array(_DOWN))
_MIDDLE = (float(_START.position[0]) + 0.05, 0.0, float(_START.position[2]))
_EGG_MIDDLE = (_MIDDLE[0] + 0.2, 0.0, _MIDDLE[2])

_STATE = (
    StateComponent(name="tcp_position", key="tcp_pose", indices=_XYZ, offset=_MIDDLE, scale=0.05),
    StateComponent(name="tcp_linear_velocity", key="tcp_twist", indices=_XYZ, scale=0.1),
    StateComponent(name="tcp_angular_velocity", key="tcp_twist", indices=_LAST, scale=0.5),
    StateComponent(name="tcp_axis_z", key="tcp_pose", indices=(2, 5), scale=0.2, as_rotation_matrix=True),
    StateComponent(name="tcp_force", key="tcp_wrench", indices=_XYZ, scale=5.0),
    StateComponent(name="tcp_torque", key="tcp_wrench", indices=_LAST, scale=1.0),
    StateComponent(name="egg_position", key="egg_position", indices=_XYZ, offset=_EGG_MIDDLE, scale=0.05),
    StateComponent(
        name="tcp_to_egg", key="egg_position", minus_key="tcp_pose", indices=_XZ, offset=(0.2, 0.0), scale=0.05
    ),
    StateComponent(name="egg_up", key="yolk_position", minus_key="egg_position", indices=_XYZ, scale=YOLK_HEIGHT),
)
"""25 numbers."""

EGG_FLIP = Task(
    name="egg-flip",
    rewards={"sparse": Flipped(), "none": NoReward()},
    state=_STATE,
    tracked_objects=(EGG, YOLK),
    control="wrench",
    wrench_scale=(13.0, 0.0, 12.0, 0.0, 3.5, 0.0),
    control_rate_hz=20.0,
    start=PoseBox(
        center=_START, lower=(-0.003, -0.004, -0.008), upper=(0.003, 0.004, 0.008), rotation=(0.0, 0.05, 0.0)
    ),
    start_gripper_width=0.012,
    reset_plan=ResetPlan(retreats=(Retreat(offset=(0.0, 0.0, -0.03)), Retreat(offset=(-0.02, 0.0, -0.05)))),
    rotation=True,
    has_gripper=False,
    max_episode_steps=200,
    expert=EggFlipExpert,
)
"""HIL-SERL's egg flip by its wrench: 13 N along x, 12 N along z, 3.5 Nm about y; the other axes are held.

Upstream tosses the egg. A tool that may push at 0.25 m/s would throw it 3 mm high, so here a spatula turns it over. The
rate is twice upstream's: a push then ends 0.1 s after the last sign of life in place of 0.15 s.
"""

EGG_FLIP_VISION = replace(
    EGG_FLIP,
    name="egg-flip-vision",
    state=tuple(component for component in _STATE if "egg" not in component.name),
    tracked_objects=(),
    cameras=("front", "wrist"),
)
"""The same from two cameras; the egg's pose serves the reward alone."""
