"""Finds what a package plugs in: by the name of an entry point, or as `package.module:object`.

A package offers an object under a group in its `pyproject.toml`:

    [project.entry-points."serl.tasks"]
    push-block = "push_block.task:PUSH_BLOCK"

Nothing is imported before it is named, so that a broken plug-in harms only those who ask for it. The product's own
parts come in the same way.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.metadata import Distribution, EntryPoint, entry_points, packages_distributions, version
from typing import TypeVar

API_VERSION = 1
"""Version of the interfaces that plug-ins implement. An object may ask for one with an attribute `serl_api_version`."""

_Kind = TypeVar("_Kind")


class PluginError(ValueError):
    """A plug-in cannot be used; the message is one sentence with its group, its package and the way out."""


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """Describes one object that a package offers; loaded by `load`."""

    group: str
    """Such as "serl.tasks"."""
    name: str
    """Name in its group, or "package.module:object"."""
    target: str
    """Where it is: "package.module:object"."""
    distribution: Distribution | None = None
    """Whose entry point it is; None where it was named as "package.module:object"."""

    @property
    def package(self) -> str:
        """Returns the distribution that offers it; its top-level module where no distribution is known."""
        return self.origin.partition(" ")[0]

    @cached_property
    def origin(self) -> str:
        """Returns package and version, for people. To find whose an object is takes seconds, so nobody else asks."""
        offering = self.distribution
        if offering is not None:
            return f"{offering.name} {offering.version}"
        top = self.target.partition(":")[0].partition(".")[0]
        packages = packages_distributions().get(top, [])
        return f"{packages[0]} {version(packages[0])}" if packages else top

    def load(self, kind: type[_Kind], expected: str = "") -> _Kind:
        """Imports the object.

        Args:
            kind: Type that it must be an instance of; `type` and `collections.abc.Callable` work too.
            expected: What it should be, for the message; the kind's name if empty.

        Raises:
            PluginError: It does not import, is of another type, or asks for a newer API version.
        """
        found = self._import()
        if not isinstance(found, kind):
            what = expected or f"a {kind.__name__}"
            raise self.error(f"is a {type(found).__name__}, but must be {what}", "correct its entry point")
        asked = getattr(found, "serl_api_version", API_VERSION)
        if asked > API_VERSION:
            problem = f"asks for version {asked} of the plug-in API, but serl-robot here has version {API_VERSION}"
            raise self.error(problem, "upgrade serl-robot, or install an older release of the plug-in")
        return found

    def error(self, problem: str, way_out: str) -> PluginError:
        """Makes the error for a fault of this plug-in that its user found, such as a wrong signature."""
        return PluginError(f'{self.group} plug-in "{self.name}" of {self.origin} ({self.target}) {problem}; {way_out}')

    def _import(self) -> object:
        module_name, _, attributes = self.target.partition(":")
        if ":" in self.name and os.getcwd() not in sys.path:  # A file beside the user, as `python -m` would find it.
            sys.path.append(os.getcwd())
        try:
            found: object = importlib.import_module(module_name)
            for attribute in attributes.split("."):
                found = getattr(found, attribute)
        except Exception as error:
            problem = f"does not import ({type(error).__name__}: {error})"
            raise self.error(problem, f"repair or uninstall {self.package}") from error
        return found


def list_plugins(group: str) -> tuple[Plugin, ...]:
    """Lists what installed packages offer under a group, by name; imports none of it.

    A name that several packages offer is there several times.
    """
    return _list_plugins(group, _searched_folders())


@lru_cache(maxsize=64)
def _list_plugins(group: str, _: tuple[tuple[str, int], ...]) -> tuple[Plugin, ...]:
    """Reads the metadata of every package, which takes 10 ms: a server must not do so whenever a peer asks."""
    found = {(point.name, point.value): _plugin(group, point) for point in entry_points(group=group)}
    return tuple(found[key] for key in sorted(found))


def _searched_folders() -> tuple[tuple[str, int], ...]:
    """Returns where packages are looked for, and when each place last changed, ns: packages that come or go do that."""
    return tuple((place, _changed_ns(place)) for place in sys.path)


def _changed_ns(place: str) -> int:
    try:
        return os.stat(place or ".").st_mtime_ns
    except OSError:  # Such as a folder that is not there.
        return 0


def find_plugin(group: str, name: str) -> Plugin:
    """Finds one object without importing it.

    Args:
        group: Such as "serl.tasks".
        name: Name of an entry point, or "package.module:object".

    Raises:
        PluginError: Nothing has that name (the nearest one and all others are given), or two packages offer it.
    """
    if ":" in name:
        return _by_path(group, name)
    offered = list_plugins(group)
    matches = [plugin for plugin in offered if plugin.name == name]
    if not matches:
        raise PluginError(_unknown(group, name, offered))
    if len(matches) > 1:
        origins = " and ".join(f"{plugin.origin} ({plugin.target})" for plugin in matches)
        raise PluginError(
            f'{group} plug-in "{name}" is offered by {origins}; uninstall one, or name the object itself, such as '
            f"{matches[0].target}"
        )
    return matches[0]


def load_plugin(group: str, name: str, kind: type[_Kind], expected: str = "") -> _Kind:
    """Finds and imports one object; see `find_plugin` and `Plugin.load`, which raise PluginError."""
    return find_plugin(group, name).load(kind, expected)


def plugin_table(groups: Mapping[str, str]) -> str:
    """Lists for people every object of some groups with its package and version.

    Args:
        groups: Heading of each group, such as {"serl.arms": "arms"}.
    """
    lines = []
    for group, heading in groups.items():
        plugins = list_plugins(group)
        lines.append(f"{heading} ({group}):" if plugins else f"{heading} ({group}): none")
        width = max((len(plugin.name) for plugin in plugins), default=0)
        lines += [f"  {plugin.name:<{width}}  {plugin.origin}  {plugin.target}" for plugin in plugins]
    return "\n".join(lines)


def _plugin(group: str, point: EntryPoint) -> Plugin:
    return Plugin(group=group, name=point.name, target=point.value, distribution=point.dist)


def _by_path(group: str, name: str) -> Plugin:
    module, _, attributes = name.partition(":")
    if not attributes or not all(part.isidentifier() for part in f"{module}.{attributes}".split(".")):
        raise PluginError(f'{group} plug-in "{name}" is not of the form package.module:object')
    return Plugin(group=group, name=name, target=name)


def _unknown(group: str, name: str, offered: tuple[Plugin, ...]) -> str:
    origins = {plugin.name: plugin.origin for plugin in offered}
    names: dict[str, list[str]] = {}
    for known, origin in origins.items():
        names.setdefault(origin, []).append(known)
    listed = "; ".join(f"{', '.join(own)} ({origin})" for origin, own in names.items()) or "none"
    near = difflib.get_close_matches(name, origins, n=1, cutoff=0.3)
    hint = f"did you mean {near[0]} of {origins[near[0]]}? " if near else ""
    return f'no {group} plug-in is named "{name}"; {hint}There are: {listed}; package.module:object works too'
