"""Chooses compilation and precision, and compiles functions for fixed shapes."""

from __future__ import annotations

import importlib.util
import shutil
import sysconfig
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any, Literal, TypeVar, cast

import torch

from serl_rl.models.mlp import Arithmetic

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compiles a function for fixed shapes.

    The compiler counts recompilations by code object and silently goes back to eager execution after a few. A copy of
    the code for every call of `compiled` gives every agent of a process its own count.
    """
    assert isinstance(function, FunctionType)
    code = function.__code__.replace()
    own = FunctionType(code, function.__globals__, function.__name__, function.__defaults__, function.__closure__)
    own.__kwdefaults__ = function.__kwdefaults__
    return cast(_Function, torch.compile(own, dynamic=False))


def should_compile(choice: Literal["auto", "on", "off"], device: torch.device) -> bool:
    """Returns whether to compile; "auto" does so where the tools for the device are found."""
    if choice != "auto":
        return choice == "on"
    if device.type == "cuda":
        return importlib.util.find_spec("triton") is not None
    has_headers = Path(sysconfig.get_path("include"), "Python.h").exists()  # Compiled kernels are bound to Python.
    return has_headers and any(shutil.which(compiler) for compiler in ("c++", "g++", "clang++"))


def fast_arithmetic(
    precision: Literal["auto", "float32", "bfloat16"], device: torch.device, *, is_compiled: bool
) -> Arithmetic:
    """Chooses how hidden layers compute; "auto" takes bfloat16 when compiled on a device with bfloat16 products."""
    if precision == "auto":
        precision = "bfloat16" if is_compiled and has_bfloat16_products(device) else "float32"
    return Arithmetic(product_dtype=getattr(torch, precision), tanh_by_exponential=is_compiled)


def has_bfloat16_products(device: torch.device) -> bool:
    """Returns whether a device multiplies bfloat16 numbers by itself."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # Older versions of torch cannot tell; float32 is right everywhere.
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
