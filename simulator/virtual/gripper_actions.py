"""Obeys what may be typed to any virtual gripper."""

from __future__ import annotations

from collections.abc import Mapping

from simulator.virtual.fingers import Fingers, RigidFingers
from simulator.virtual.loop_device import LoopDevice
from simulator.virtual.serving import Action


def gripper_actions(virtual: LoopDevice, fingers: Fingers) -> Mapping[str, Action]:
    """Returns what a typed word does with the rest of its line."""

    def place(text: str) -> None:
        if not isinstance(fingers, RigidFingers):
            raise ValueError("the objects are those of the virtual arm's scene")
        fingers.place_object(None if text == "none" else number(text, 0.0, 0.2))

    def silence(*, silent: bool) -> None:
        virtual.is_silent = silent

    return {
        "object": place,
        "unplug": lambda _: virtual.unplug(),
        "plug": lambda _: virtual.plug(),
        "silent": lambda _: silence(silent=True),
        "answer": lambda _: silence(silent=False),
    }


def number(text: str, lower: float, upper: float) -> float:
    """Parses a typed number. Raises ValueError with its bounds."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f'"{text}" is not a number') from None
    if not lower <= value <= upper:
        raise ValueError(f"{value:g} is not in [{lower:g}, {upper:g}]")
    return value
