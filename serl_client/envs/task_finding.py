"""Finds tasks by the names of their environments; imports one only when it is named."""

from __future__ import annotations

import logging

from serl_api.plugins import PluginError, find_plugin, list_plugins
from serl_client.envs.task import Task

log = logging.getLogger(__name__)

GROUP = "serl.tasks"
"""Entry-point group of `Task`; a task's name there is that of its environment, such as "serl/PickCube-v0"."""


def task_names() -> tuple[str, ...]:
    """Lists the names of all tasks that installed packages offer, sorted."""
    return tuple(dict.fromkeys(plugin.name for plugin in list_plugins(GROUP)))


def is_task(name: str) -> bool:
    """Returns whether a name is a task's, or of the form package.module:object."""
    package, separator, attributes = name.partition(":")
    is_path = bool(separator) and all(part.isidentifier() for part in f"{package}.{attributes}".split("."))
    return is_path or name in task_names()


def find_task(name: str) -> Task:
    """Finds a task.

    Args:
        name: Such as "serl/PickCube-v0", or "package.module:object".

    Raises:
        PluginError: No task has that name (the nearest is named), or what has it cannot be used.
    """
    return find_plugin(GROUP, name).load(Task, "a serl_client.Task")


def usable_tasks() -> dict[str, Task]:
    """Returns every task by name; one that cannot be used is left out with a warning."""
    found: dict[str, Task] = {}
    for name in task_names():
        try:
            found[name] = find_task(name)
        except PluginError as error:
            log.warning("%s", error)
    return found
