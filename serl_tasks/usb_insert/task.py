"""Pick up a USB stick, insert it and let go: state, compliance, start, box and reward, with the numbers of upstream."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from serl_api.pose_box import PoseBox
from serl_api.serl_gains import compliance_from_serl
from serl_api.values import Observation, Pose
from serl_client.envs.reset_plan import ResetPlan, Retreat
from serl_client.envs.rewards import NoReward
from serl_client.envs.task import Outcome, Reach, Task
from serl_client.wrappers.flatten_state import StateComponent
from serl_tasks.peg_insert.task import SparseInsertion
from serl_tasks.usb_insert.expert import UsbInsertExpert
from serl_tasks.usb_insert.places import (
    GRASP_HEIGHT,
    HOLDER_PLACE,
    MOUTH_HEIGHT,
    PLUG_LENGTH,
    PORT,
    PORT_PLACE,
    USB,
)


@dataclass(frozen=True, kw_only=True)
class InsertedAndFree:
    """1 and the end once an object is deep in a hole and was let go of, else 0."""

    insertion: SparseInsertion = SparseInsertion(tip=USB, hole=PORT, success_depth=0.009, radius=0.002)  # noqa: RUF009 - frozen.
    """Judges how deep it is."""
    open_width: float = 0.03
    """Opening from which the gripper has let go, m."""

    @property
    def tracked_objects(self) -> tuple[str, ...]:
        """Stick and port."""
        return self.insertion.tracked_objects

    def __call__(self, start: Observation, now: Observation) -> Outcome:
        """Judges by where the stick is now, and by the gripper."""
        inserted = self.insertion(start, now)
        gripper = now.state.gripper
        success = inserted.success and (gripper is None or gripper.width >= self.open_width)
        return Outcome(reward=float(success), terminated=success, success=success, facts=inserted.facts)


_XYZ, _LAST = (0, 1, 2), (3, 4, 5)
_MIDDLE = (0.5, 0.0, MOUTH_HEIGHT + GRASP_HEIGHT)

_STATE = (
    StateComponent(name="tcp_position", key="tcp_pose", indices=_XYZ, offset=_MIDDLE, scale=0.05),
    StateComponent(name="tcp_linear_velocity", key="tcp_twist", indices=_XYZ, scale=0.1),
    StateComponent(name="gripper_width", key="gripper_width", indices=(0,), offset=(0.0425,), scale=0.0425),
    StateComponent(name="tcp_force", key="tcp_wrench", indices=_XYZ, scale=20.0),
    StateComponent(name="tcp_torque", key="tcp_wrench", indices=_LAST, scale=2.0),
    StateComponent(name="usb_position", key="usb_position", indices=_XYZ, offset=(0.5, 0.0, MOUTH_HEIGHT), scale=0.05),
    StateComponent(name="tcp_to_usb", key="usb_position", minus_key="tcp_pose", indices=_XYZ, scale=0.05),
    StateComponent(
        name="tcp_axis_x", key="tcp_pose", indices=(0, 3), scale=1.0, as_rotation_matrix=True, needs_rotation=True
    ),
    StateComponent(name="tcp_angular_velocity", key="tcp_twist", indices=_LAST, scale=1.0, needs_rotation=True),
)
"""24 numbers, 19 without rotation."""

_SEATED = Pose(np.array((*PORT_PLACE, MOUTH_HEIGHT - PLUG_LENGTH + GRASP_HEIGHT)), np.array((1.0, 0.0, 0.0, 0.0)))
"""Pose of the TCP that holds the stick in the port."""
_TO_HOLDER = HOLDER_PLACE[1] - PORT_PLACE[1]

USB_INSERT = Task(
    name="usb-insert",
    rewards={"sparse": InsertedAndFree(), "none": NoReward()},
    state=_STATE,
    tracked_objects=(USB,),
    translation_scale=0.015,
    rotation_scale=0.1,
    compliance=compliance_from_serl(
        {
            "translational_stiffness": 2000.0,
            "translational_damping": 89.0,
            "rotational_stiffness": 300.0,  # Half of it here: as stiff as the other tasks are.
            "rotational_damping": 7.0,
            **{f"translational_clip_{axis}": clip for axis, clip in zip("xyz", (0.006, 0.0059, 0.0035), strict=True)},
            **{
                f"translational_clip_neg_{axis}": clip for axis, clip in zip("xyz", (0.005, 0.005, 0.0035), strict=True)
            },
            **{f"rotational_clip_{axis}": clip for axis, clip in zip("xyz", (0.02, 0.02, 0.015), strict=True)},
            **{f"rotational_clip_neg_{axis}": clip for axis, clip in zip("xyz", (0.02, 0.02, 0.015), strict=True)},
        }
    ),
    start=PoseBox(
        center=_SEATED,
        lower=(-0.01, _TO_HOLDER - 0.01, 0.05),
        upper=(0.01, _TO_HOLDER + 0.01, 0.05),
        rotation=(0.0, 0.0, 0.1),
    ),
    reset_plan=ResetPlan(retreats=(Retreat(offset=(0.0, 0.0, 0.05)),), gripper_first=True),
    box=PoseBox(
        center=_SEATED, lower=(-0.03, -0.02, -0.005), upper=(0.03, _TO_HOLDER + 0.02, 0.06), rotation=(0.1, 0.1, 0.3)
    ),
    reach=Reach(
        names=(USB,),
        areas=(
            (
                (HOLDER_PLACE[0] - 0.005, HOLDER_PLACE[1] - 0.005),
                (HOLDER_PLACE[0] + 0.005, HOLDER_PLACE[1] + 0.005),
            ),
        ),
    ),
    rotation=True,
    max_episode_steps=120,
    expert=UsbInsertExpert,
)
"""HIL-SERL's USB insertion: fetch the stick from its holder, insert it 8 cm beside, let go; a learned gripper."""

USB_INSERT_VISION = replace(
    USB_INSERT,
    name="usb-insert-vision",
    state=tuple(component for component in _STATE if "usb" not in component.name),
    tracked_objects=(),
    cameras=("front", "wrist"),
)
"""The same from two cameras; the stick's pose serves the reward alone."""
