"""Refuses a cell that lacks what a task needs, and a task that lacks what its actions need."""

from __future__ import annotations

import math

from serl_api.cell import CellInfo
from serl_api.enums import ControlMode
from serl_client.envs.task import Task
from serl_client.envs.wrench_actions import WrenchActions
from serl_client.errors import TaskMismatchError


def check_cell(task: Task, cell: CellInfo, address: str) -> None:
    """Compares a task's cameras, scene and gripper with a cell's.

    Args:
        task: What is needed.
        cell: What there is.
        address: Of the cell's daemon.

    Raises:
        TaskMismatchError: Something is missing.
    """
    missing = [camera for camera in task.cameras if camera not in cell.cameras]
    if missing:
        raise TaskMismatchError(
            f"{task.name} needs the cameras {', '.join(missing)}; "
            f"cell {cell.cell_name} has: {', '.join(cell.cameras) or 'none'}"
        )
    if cell.task and cell.task != task.scene:
        raise TaskMismatchError(
            f"the simulator at {address} has loaded {cell.task}, but this environment is "
            f"{task.name}; start it with --task {task.scene}"
        )
    if cell.gripper is None and task.has_gripper:
        raise TaskMismatchError(f"{task.name} needs a gripper; cell {cell.cell_name} has none")


def wrench_actions(task: Task) -> WrenchActions:
    """Returns what maps a task's actions to wrenches.

    Raises:
        ValueError: The task does not say which wrench an action of 1 is.
    """
    scale = task.wrench_scale
    if scale is None or len(scale) != 6 or not max(scale) > 0.0 or not all(0.0 <= one < math.inf for one in scale):
        raise ValueError(
            f"{task.name} has the wrench_scale {scale}; six numbers of at least 0, one of them above it, say what "
            "actions push with, N and Nm"
        )
    return WrenchActions(scale=scale)


def check_wrenches(actions: WrenchActions, cell: CellInfo) -> None:
    """Compares the wrenches of actions with what a cell allows.

    Raises:
        TaskMismatchError: The cell takes no wrenches, or only weaker ones.
    """
    if ControlMode.WRENCH not in cell.arm.control_modes:
        raise TaskMismatchError(
            f"actions push with a wrench, and cell {cell.cell_name} takes none; set wrench_control = true in [limits] "
            "of its file, or start serl-sim or serl-virtual cell with --wrench-control"
        )
    bounds = (cell.limits.force,) * 3 + (cell.limits.torque,) * 3
    for axis, name in zip(actions.axes, actions.names, strict=True):
        if actions.scale[axis] > bounds[axis]:
            raise TaskMismatchError(
                f"{name} of an action of 1 is {actions.scale[axis]:g}, and cell {cell.cell_name} cuts it at "
                f"{bounds[axis]:g}; give the task a smaller wrench_scale, or raise force_n and torque_nm in [limits]"
            )
