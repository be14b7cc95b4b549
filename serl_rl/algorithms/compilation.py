"""torch.compile with settings that suit a learner, and without its recompilation trap."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import TypeVar, cast

import torch

_Function = TypeVar("_Function", bound=Callable[..., object])


def compiled(function: _Function) -> _Function:
    """Compiles a function for fixed shapes.

    The compiler counts recompilations by code object and silently goes back to eager execution after a few. A copy of the
    code for every call of `compiled` gives every agent of a process its own count.
    """
    assert isinstance(function, FunctionType)
    code = function.__code__.replace()
    own = FunctionType(code, function.__globals__, function.__name__, function.__defaults__, function.__closure__)
    own.__kwdefaults__ = function.__kwdefaults__
    return cast(_Function, torch.compile(own, dynamic=False))
