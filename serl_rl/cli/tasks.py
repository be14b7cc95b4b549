"""`serl-train tasks`: what installed packages offer: tasks, scenes, experiments, wrappers, devices and algorithms."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from serl_api.plugins import plugin_table
from serl_client.envs.task_finding import usable_tasks

_GROUPS = {
    "serl.tasks": "tasks",
    "serl.scenes": "scenes",
    "serl.presets": "presets",
    "serl.wrappers": "wrappers",
    "serl.teleop": "teleoperation",
    "serl.algorithms": "algorithms",
}


@dataclass(frozen=True, kw_only=True)
class TasksCommand:
    """List tasks, scenes, presets, wrappers, teleoperation devices and algorithms, with the package of each.

    Any of them may also be named as package.module:object, without an entry point.

    Try:
    serl-train tasks
    """

    def run(self) -> int:
        """Prints."""
        sys.stdout.write(plugin_table(_GROUPS) + "\n")
        experts = [name for name, task in usable_tasks().items() if task.expert is not None]
        sys.stdout.write(f"tasks with a scripted expert: {', '.join(experts) or 'none'}\n")
        return 0
