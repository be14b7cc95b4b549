"""Refuses a cell that lacks what a task needs."""

from __future__ import annotations

from serl_api.cell import CellInfo
from serl_client.envs.task import Task
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
