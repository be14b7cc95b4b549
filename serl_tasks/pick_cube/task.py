"""Lift a cube: what a policy sees, and what a lift is worth."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from serl_api.values import Observation
from serl_client.envs.reset_plan import ResetPlan, Retreat
from serl_client.envs.rewards import NoReward, lift
from serl_client.envs.task import SERL_COMPLIANCE, Outcome, Task
from serl_client.wrappers.flatten_state import PROPRIOCEPTION, StateComponent
from serl_tasks.pick_cube.expert import PickCubeExpert, hesitant_expert
from serl_tasks.pick_cube.places import CUBE


@dataclass(frozen=True, kw_only=True)
class SparseLift:
    """1 and the end once an object has been lifted, else 0."""

    lifted_object: str = CUBE
    """Name of the object."""
    success_lift: float = 0.1
    """Height above its start that counts, m."""

    @property
    def tracked_objects(self) -> tuple[str, ...]:
        """The object."""
        return (self.lifted_object,)

    def __call__(self, start: Observation, now: Observation) -> Outcome:
        """Judges by the height of the object now."""
        height = lift(self.lifted_object, start, now)
        success = height >= self.success_lift
        return Outcome(reward=float(success), terminated=success, success=success, facts={"lift": height})


@dataclass(frozen=True, kw_only=True)
class DenseLift:
    """SERL's shaped reward: near the object, then high with it. Never ends an episode."""

    lifted_object: str = CUBE
    """Name of the object."""
    success_lift: float = 0.1
    """Height above its start that is reported as success, m."""
    full_lift: float = 0.2
    """Height above its start that is worth the whole second term, m."""

    @property
    def tracked_objects(self) -> tuple[str, ...]:
        """The object."""
        return (self.lifted_object,)

    def __call__(self, start: Observation, now: Observation) -> Outcome:
        """Judges by distance and height now: 0.3 exp(-20 d) + 0.7 clip(lift / 0.2, 0, 1)."""
        height = lift(self.lifted_object, start, now)
        position = now.tracked_objects[self.lifted_object].pose.position
        distance = float(np.linalg.norm(position - now.state.tcp_pose.position))
        reward = 0.3 * math.exp(-20.0 * distance) + 0.7 * min(max(height / self.full_lift, 0.0), 1.0)
        success = height >= self.success_lift
        return Outcome(reward=reward, terminated=False, success=success, facts={"lift": height, "distance": distance})


_XYZ = (0, 1, 2)

CUBE_STATE = (
    *PROPRIOCEPTION,
    StateComponent(name="cube_position", key="cube_position", indices=_XYZ, offset=(0.4, 0.0, 0.1), scale=0.2),
    StateComponent(name="tcp_to_cube", key="cube_position", minus_key="tcp_pose", indices=_XYZ, scale=0.1),
)
"""13 numbers, or 22 with rotation. Centred on the workspace, of order one."""

ABOVE_CUBE = Retreat(offset=(0.0, 0.0, 0.06), speed_ratio=0.2)
"""Leads open fingers off the cube between them, which they would push along on a straight way to the start."""

PICKING = replace(
    SERL_COMPLIANCE,
    translational_clip_positive=(0.02, 0.02, 0.02),
    translational_clip_negative=(0.02, 0.02, 0.01),
    rotational_clip_positive=(0.1, 0.1, 0.1),
    rotational_clip_negative=(0.1, 0.1, 0.1),
)
"""Presses down with 20 N at most, as a cell's file ships it: fingers on the cube's edge do not slip off and spring.

Aside and up it pulls with 40 N, so that a step of 5 cm is still quick.
"""

PICK_CUBE = Task(
    name="pick-cube",
    rewards={"sparse": SparseLift(), "dense": DenseLift(), "none": NoReward()},
    state=CUBE_STATE,
    tracked_objects=(CUBE,),
    compliance=PICKING,
    reset_plan=ResetPlan(retreats=(ABOVE_CUBE,), gripper_first=True),
    expert=PickCubeExpert,
)
"""Lift a 4 cm cube that lies anywhere in x 0.25 to 0.55 m, y -0.25 to 0.25 m."""

PICK_CUBE_VISION = replace(
    PICK_CUBE,
    name="pick-cube-vision",
    state=PROPRIOCEPTION,
    tracked_objects=(),
    cameras=("front", "wrist"),
    compliance=SERL_COMPLIANCE,
)
"""The same from two cameras, with the clips of the cell; the cube's pose serves the reward alone."""


PICK_CUBE_HESITANT = replace(
    PICK_CUBE,
    name="pick-cube-hesitant",
    scene="pick-cube",
    control_rate_hz=20.0,
    translation_scale=0.015,
    max_episode_steps=200,
    compliance=SERL_COMPLIANCE,
    expert=hesitant_expert,
)
"""The same at 20 Hz and 0.3 m/s, by an expert that stands still for 0.3 to 0.6 s before it closes its fingers."""
