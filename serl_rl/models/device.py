"""Finds the device that networks run on."""

from __future__ import annotations

from serl_rl.errors import UsageError


def find_device(name: str, option: str = "--learner.device") -> str:
    """Finds the device of the settings; "auto" is a GPU if there is one.

    Args:
        name: As in the settings.
        option: Which setting, for the message.

    Raises:
        UsageError: There is no such device.
    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(f"there is no device {name!r} here; use {option} cpu or auto ({reason})") from error
    return name
