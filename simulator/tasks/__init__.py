"""Tasks by name. A further task is one file and one line here."""

from collections.abc import Mapping
from types import MappingProxyType

from simulator.tasks.peg_insert import PegInsert
from simulator.tasks.pick_cube import PickCube
from simulator.tasks.pick_cube_varied import PickCubeVaried
from simulator.tasks.relocate_cube import RelocateCube
from simulator.tasks.task import Task

TASKS: Mapping[str, Task] = MappingProxyType(
    {task.name: task for task in (PickCube(), PickCubeVaried(), PegInsert(), RelocateCube())}
)
"""All tasks."""

__all__ = ["TASKS", "Task"]
