"""Describes what a driver plug-in offers: the function that builds its device, and facts known before it is called."""

import dataclasses
import inspect
import typing
from collections.abc import Callable
from typing import Any

from serl_api.enums import Backend


@dataclasses.dataclass(frozen=True, kw_only=True)
class Driver:
    """Holds a build function with facts about it. A plug-in offers the bare function where the defaults are right."""

    build: Callable[..., Any]
    """Called as `build(name, timebase, options)`; returns an Arm, Gripper, Camera or Scene of `devices`.

    The annotation of `options` is a frozen dataclass, which the device's table in the cell's file fills. Its `serial`,
    `host` (or `address`, `ip`), `port`, `device` or `path` says which device it is, so that only one process owns it.
    Raises DeviceConnectError when the device cannot be reached.
    """
    backend: Backend = Backend.REAL
    """What stands behind an arm of this driver."""
    library: str = ""
    """Distribution that speaks to the device, whose version `robot-daemon check` shows; empty: the plug-in's own."""

    def options_type(self) -> type:
        """Finds the dataclass that annotates the build function's `options`.

        Raises:
            TypeError: The function does not take (name, timebase, options), or `options` is not annotated so.
        """
        try:
            name = list(inspect.signature(self.build).parameters)[2]
            hint = typing.get_type_hints(self.build)[name]
        except (IndexError, KeyError, NameError, ValueError) as error:
            raise TypeError(_SIGNATURE) from error
        if not (isinstance(hint, type) and dataclasses.is_dataclass(hint)):
            raise TypeError(_SIGNATURE)
        return hint


_SIGNATURE = "must take (name, timebase, options), with a dataclass as the annotation of options"
