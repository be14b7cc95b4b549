"""Finds wrappers by name with options, such as "relative-frame" or "chunking,action_horizon=4", from any package."""

from __future__ import annotations

import ast
import dataclasses
import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import gymnasium

from serl_api.plugins import PluginError, find_plugin
from serl_api.settings import is_text, to_dataclass

GROUP = "serl.wrappers"
"""Entry-point group of `WrapperPlugin`."""

Place: TypeAlias = Literal["raw", "state", "chunk"]
"""What a wrapper is put around: the raw observation; the state vector and images that a policy sees; or everything, a
intervention source too, for the one wrapper whose step is several steps."""


@dataclass(frozen=True, kw_only=True)
class WrapperPlugin:
    """Describes a wrapper that `environment.wrappers` can turn on."""

    options: type[Any]
    """Dataclass of what can be set; each field has a default."""
    build: Callable[[gymnasium.Env[Any, Any], Any], gymnasium.Env[Any, Any]]
    """Wraps an environment, given the options; raises ValueError where it cannot."""
    place: Place = "state"
    """What it is put around."""
    keeps_spaces: bool = False
    """Whether observations and actions stay what they are, so that episodes recorded without it fit."""


@dataclass(frozen=True, kw_only=True)
class ChosenWrapper:
    """Holds a wrapper with its chosen options."""

    text: str
    """As it was named."""
    plugin: WrapperPlugin
    """What it is."""
    options: Any
    """Instance of its options."""

    def wrap(self, env: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
        """Wraps an environment; episodes that are recorded in it say so.

        Raises:
            PluginError: It does not fit the environment.
        """
        try:
            wrapped = self.plugin.build(env, self.options)
        except ValueError as error:
            raise PluginError(f"the wrapper {self.text} cannot be used here: {error}") from error
        if not self.plugin.keeps_spaces:
            vars(wrapped)["recorded_as"] = self.text
        return wrapped


def find_wrappers(texts: Iterable[str]) -> tuple[ChosenWrapper, ...]:
    """Finds wrappers by name.

    Args:
        texts: Each a name in `serl.wrappers` or "package.module:object", then options as ",name=value".

    Raises:
        PluginError: There is no such wrapper or option, or one whose step is several steps is not the last.
    """
    found = tuple(_find(text) for text in texts)
    for wrapper in found[:-1]:
        if wrapper.plugin.place == "chunk":
            raise PluginError(f"the wrapper {wrapper.text} takes several steps at once; name it last")
    return found


def _find(text: str) -> ChosenWrapper:
    name, *assignments = text.split(",")
    plugin = find_plugin(GROUP, name.strip()).load(WrapperPlugin)
    known = tuple(field.name for field in dataclasses.fields(plugin.options))
    values: dict[str, Any] = {}
    for assignment in assignments:
        key, separator, value = (part.strip() for part in assignment.partition("="))
        key = key.replace("-", "_")
        if not separator or key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise PluginError(
                f'the wrapper {name} has no option "{assignment}"; {hint}'
                f"write name=value, of: {', '.join(known) or 'none'}"
            )
        values[key] = value if is_text(plugin.options, key) else _value(value)
    try:
        return ChosenWrapper(text=text, plugin=plugin, options=to_dataclass(plugin.options, values))
    except (TypeError, ValueError) as error:
        raise PluginError(f"the wrapper {text} cannot be used: {error}") from error


def _value(text: str) -> Any:  # noqa: ANN401
    try:
        return ast.literal_eval({"true": "True", "false": "False", "none": "None"}.get(text.lower(), text))
    except (ValueError, SyntaxError):
        return text
