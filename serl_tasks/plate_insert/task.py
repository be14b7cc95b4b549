"""Insert a held plate into a slot: compliance, start, box and reward, with the numbers of upstream."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np

from serl_api.pose_box import PoseBox
from serl_api.serl_gains import compliance_from_serl
from serl_api.values import Pose
from serl_client.envs.reset_plan import ResetPlan, Retreat
from serl_client.envs.rewards import NoReward, PoseReached
from serl_client.envs.task import Task
from serl_client.wrappers.flatten_state import StateComponent
from serl_tasks.peg_insert.expert import PegInsertExpert, PegInsertTuning
from serl_tasks.peg_insert.task import SparseInsertion
from serl_tasks.plate_insert.places import MOUTH_HEIGHT, PCB, RAM, SLOT_PLACE, Fit

_XYZ, _LAST = (0, 1, 2), (3, 4, 5)
_STIFFNESS = {
    "translational_damping": 89.0,
    "translational_stiffness": 2000.0,
    "rotational_stiffness": 300.0,  # Half of it here: as stiff as the other tasks are.
    "rotational_damping": 7.0,
}


def _seated(fit: Fit) -> Pose:
    """Pose of the TCP with the plate at the bottom of its slot."""
    height = MOUTH_HEIGHT - fit.depth + fit.below_tcp
    return Pose(np.array((*SLOT_PLACE, height)), np.array((1.0, 0.0, 0.0, 0.0)))


def _state(fit: Fit, scale: float) -> tuple[StateComponent, ...]:
    """17 numbers; nothing that an arm alone cannot measure. Positions are about the middle of the box."""
    x, y, z = _seated(fit).position.tolist()
    return (
        StateComponent(name="tcp_position", key="tcp_pose", indices=_XYZ, offset=(x, y, z + scale), scale=scale),
        StateComponent(name="tcp_linear_velocity", key="tcp_twist", indices=_XYZ, scale=0.1),
        StateComponent(name="tcp_force", key="tcp_wrench", indices=_XYZ, scale=10.0),
        StateComponent(name="tcp_torque", key="tcp_wrench", indices=_LAST, scale=1.0),
        StateComponent(
            name="tcp_axis_x", key="tcp_pose", indices=(0, 3), scale=1.0, as_rotation_matrix=True, needs_rotation=True
        ),
        StateComponent(name="tcp_angular_velocity", key="tcp_twist", indices=_LAST, scale=1.0, needs_rotation=True),
    )


def _clips(name: str, pull_up: tuple[float, float, float], pull_down: tuple[float, float, float]) -> dict[str, float]:
    """Names upstream's clips by axis: `clip_neg` bounds the pull towards positive axes."""
    up = {f"{name}_neg_{axis}": value for axis, value in zip("xyz", pull_up, strict=True)}
    return up | {f"{name}_{axis}": value for axis, value in zip("xyz", pull_down, strict=True)}


PCB_INSERT = Task(
    name="pcb-insert",
    rewards={
        "sparse": SparseInsertion(tip=PCB.plate, hole=PCB.slot, success_depth=0.007, radius=0.003),
        "pose": PoseReached(goal=_seated(PCB), distance=0.001, angle=0.1),
        "none": NoReward(),
    },
    state=_state(PCB, 0.025),
    translation_scale=0.02,
    rotation_scale=0.2,
    compliance=compliance_from_serl(
        _STIFFNESS
        | {"translational_stiffness": 3000.0, "translational_damping": 180.0}
        | _clips("translational_clip", (0.002, 0.002, 0.003), (0.0025, 0.0015, 0.002))
        | _clips("rotational_clip", (0.025, 0.007, 0.01), (0.025, 0.007, 0.01))
    ),
    start=PoseBox(
        center=_seated(PCB), lower=(-0.05, -0.05, 0.04), upper=(0.05, 0.05, 0.04), rotation=(0.0, 0.0, math.pi / 9)
    ),
    start_gripper_width=2 * PCB.half_thickness,
    reset_plan=ResetPlan(retreats=(Retreat(offset=(0.0, 0.0, 0.03)),), joint_reset_interval=200),
    box=PoseBox(
        center=_seated(PCB), lower=(-0.05, -0.05, -0.005), upper=(0.05, 0.05, 0.05), rotation=(0.05, 0.05, math.pi / 9)
    ),
    rotation=True,
    has_gripper=False,
    max_episode_steps=100,
    expert=partial(PegInsertExpert, tuning=PegInsertTuning(tip=PCB.plate, hole=PCB.slot)),
)
"""SERL's board insertion (`FrankaPCBInsert`): a held pin header, from anywhere 4 cm above, yaw up to 20 degrees off."""

RAM_INSERT = Task(
    name="ram-insert",
    rewards={
        "sparse": SparseInsertion(tip=RAM.plate, hole=RAM.slot, success_depth=0.005, radius=0.003),
        "pose": PoseReached(goal=_seated(RAM), distance=0.0015, angle=0.05),
        "none": NoReward(),
    },
    state=_state(RAM, 0.025),
    translation_scale=0.01,
    rotation_scale=0.06,
    compliance=compliance_from_serl(
        _STIFFNESS
        | _clips("translational_clip", (0.002, 0.0016, 0.005), (0.0075, 0.0016, 0.0055))
        | _clips("rotational_clip", (0.01, 0.025, 0.005), (0.01, 0.025, 0.005))
    ),
    start=PoseBox(center=_seated(RAM), lower=(-0.02, -0.02, 0.05), upper=(0.02, 0.02, 0.05), rotation=(0.0, 0.0, 0.05)),
    start_gripper_width=2 * RAM.half_thickness,
    reset_plan=ResetPlan(retreats=(Retreat(offset=(0.0, 0.0, 0.03)),)),
    box=PoseBox(center=_seated(RAM), lower=(-0.03, -0.02, -0.01), upper=(0.03, 0.02, 0.05), rotation=(0.01, 0.1, 0.4)),
    rotation=True,
    has_gripper=False,
    max_episode_steps=100,
    expert=partial(PegInsertExpert, tuning=PegInsertTuning(tip=RAM.plate, hole=RAM.slot)),
)
"""HIL-SERL's memory insertion: a held module, from anywhere 5 cm above its slot, yaw up to 3 degrees off."""

PCB_INSERT_VISION = replace(PCB_INSERT, name="pcb-insert-vision", cameras=("front", "wrist"))
"""The board with two cameras."""
RAM_INSERT_VISION = replace(RAM_INSERT, name="ram-insert-vision", cameras=("front", "wrist"))
"""The module with two cameras."""
