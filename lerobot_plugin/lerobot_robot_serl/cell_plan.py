"""Works out from a robot's options and a cell's facts what is observed and what is commanded."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lerobot_robot_serl.actions import Actions, DeltaActions, JointActions, PoseActions
from lerobot_robot_serl.configs import SerlRobotConfig
from lerobot_robot_serl.observations import CellObserver
from serl_api.cell import CellInfo
from serl_api.plugins import PluginError
from serl_api.values import Compliance
from serl_client.envs.cell_check import check_cell
from serl_client.envs.task import Task
from serl_client.envs.task_finding import find_task
from serl_client.wrappers.flatten_state import StateVector


@dataclass(frozen=True, eq=False)
class CellPlan:
    """Holds what one robot does in one cell."""

    task: Task
    """Task, or a neutral one made of the options."""
    observer: CellObserver
    """Makes observations."""
    actions: Actions
    """Makes commands."""
    joint_actions: JointActions
    """Makes commands of joint positions, by which `lerobot-rollout` brings an arm back."""


def plan_cell(config: SerlRobotConfig, cell: CellInfo) -> CellPlan:
    """Plans for one cell.

    Raises:
        ValueError: There is no such task, or the actions would ignore its bounds.
        TaskMismatchError: The cell lacks what the task needs.
    """
    task = _neutral_task(config, cell) if not config.task else named_task(config.task)
    if config.camera_names is not None:
        task = replace(task, cameras=tuple(config.camera_names))
    check_cell(task, cell, config.address)
    if task.keep_out is not None and config.action != "delta":
        raise ValueError(
            f"--robot.action is {config.action}, but {config.task} has a box that the arm stays out of, which deltas "
            "alone respect; take delta"
        )
    rotation = config.rotation
    if rotation is None:
        rotation = task.rotation
    vector = StateVector(task.components(rotation=rotation)) if config.state == "task" else None
    joint_actions = JointActions(cell.arm.joint_count, has_gripper=cell.gripper is not None)
    actions: Actions = joint_actions
    if config.action == "delta":
        width = 0.0 if cell.gripper is None else cell.gripper.max_width
        actions = DeltaActions(task, rotation=rotation, max_width=width)
    elif config.action == "pose":
        actions = PoseActions(task.box, cell.arm.home_tcp_pose.quaternion_xyzw, has_gripper=cell.gripper is not None)
    return CellPlan(task, CellObserver(task, cell, vector), actions, joint_actions)


def named_task(name: str) -> Task:
    """Finds a task by its name.

    Raises:
        ValueError: There is none, or it drives no arm.
    """
    try:
        task = find_task(name)
    except PluginError as error:
        raise ValueError(str(error)) from error
    if task.environment is not None or task.arms:
        what = "two arms" if task.arms else "no arm"
        raise ValueError(f"the task {name} drives {what}; a robot of type serl is one arm")
    if task.control == "wrench":
        raise ValueError(
            f"the actions of {name} are wrenches, which a robot of type serl does not send; take another task"
        )
    return task


def _neutral_task(config: SerlRobotConfig, cell: CellInfo) -> Task:
    return Task(
        name="lerobot",
        scene=cell.task,
        cameras=tuple(cell.cameras),
        control_rate_hz=config.fps,
        translation_scale=config.translation_scale,
        rotation_scale=config.rotation_scale,
        compliance=Compliance(),
        rotation=True,
        has_gripper=cell.gripper is not None,
    )
