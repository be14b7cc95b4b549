"""What a policy sees and does, and what a success is."""

from dataclasses import dataclass

import numpy as np

from push_block.expert import PushBlockExpert
from push_block.places import BLOCK, GOAL, GOAL_RADIUS, PUSH_HEIGHT
from serl_api.pose_box import PoseBox
from serl_api.values import Observation, Pose
from serl_client import Outcome, ResetPlan, Retreat, Task
from serl_client.envs.rewards import NoReward
from serl_client.wrappers.flatten_state import PROPRIOCEPTION, StateComponent


@dataclass(frozen=True)
class OnMat:
    """1 and the end once the block is on the mat, else 0."""

    tracked_objects = (BLOCK,)

    def __call__(self, start: Observation, now: Observation) -> Outcome:
        """Judges by where the block is now."""
        distance = float(np.linalg.norm(now.tracked_objects[BLOCK].pose.position[:2] - GOAL))
        success = distance <= GOAL_RADIUS
        return Outcome(reward=float(success), terminated=success, success=success, facts={"distance": distance})


_DOWN = np.array((1.0, 0.0, 0.0, 0.0))  # xyzw: the fingers point down.

PUSH_BLOCK = Task(
    name="push-block",
    rewards={"sparse": OnMat(), "none": NoReward()},
    state=(
        *PROPRIOCEPTION,
        StateComponent(name="tcp_to_block", key="block_position", minus_key="tcp_pose", indices=(0, 1), scale=0.05),
        StateComponent(name="block_to_goal", key="block_position", indices=(0, 1), offset=GOAL, scale=0.1),
    ),
    tracked_objects=(BLOCK,),
    translation_scale=0.03,
    start=Pose(np.array((0.30, 0.0, PUSH_HEIGHT)), _DOWN),
    start_gripper_width=0.0,
    reset_plan=ResetPlan(retreats=(Retreat(offset=(0.0, 0.0, 0.08)),)),  # Over the block on the way back.
    box=PoseBox(
        center=Pose(np.array((0.42, 0.0, PUSH_HEIGHT)), _DOWN),
        lower=(-0.14, -0.2, 0.0),  # The height is given; actions move the fingers along the table.
        upper=(0.18, 0.2, 0.0),
        rotation=(0.0, 0.0, 0.0),
    ),
    has_gripper=False,
    expert=PushBlockExpert,
)
