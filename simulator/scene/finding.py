"""Finds the scenes that installed packages offer; imports one only when it is asked for."""

import logging

from serl_api.errors.robot import NotFoundError
from serl_api.plugins import PluginError, list_plugins, load_plugin
from simulator.scene.task_scene import TaskScene

logger = logging.getLogger(__name__)

GROUP = "serl.scenes"
"""Entry-point group of classes that are a `TaskScene`."""


def scene_names() -> tuple[str, ...]:
    """Names of all scenes, sorted."""
    return tuple(dict.fromkeys(plugin.name for plugin in list_plugins(GROUP)))


def find_scene(name: str) -> TaskScene:
    """A new scene.

    Args:
        name: Name of an entry point, or "package.module:class".

    Raises:
        NotFoundError: Nothing has that name.
        PluginError: What has it cannot be used.
    """
    if ":" not in name and name not in scene_names():
        raise NotFoundError.among("task", name=name, available=scene_names())
    scene = load_plugin(GROUP, name, type, "a class")()
    if not isinstance(scene, TaskScene):
        wanted = "text, tracked_objects, add_props and place_props"
        raise PluginError(f'{GROUP} plug-in "{name}" is no scene; give {type(scene).__name__} {wanted}')
    return scene


def usable_scenes() -> dict[str, TaskScene]:
    """Every scene by name; one that cannot be used is left out with a warning."""
    found: dict[str, TaskScene] = {}
    for name in scene_names():
        try:
            found[name] = find_scene(name)
        except PluginError as error:
            logger.warning("%s", error)
    return found
