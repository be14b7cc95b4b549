"""Drives with the keyboard as a teleoperation device."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from serl_client.teleop.devices.axis_map import AxisMap
from serl_client.teleop.devices.device import TeleopSample
from serl_client.teleop.devices.keys import PressedKeys
from serl_client.teleop.plugin import TeleopPlugin

MOTION_KEYS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "w": (0, 1),
        "up": (0, 1),
        "s": (0, -1),
        "down": (0, -1),
        "a": (1, 1),
        "left": (1, 1),
        "d": (1, -1),
        "right": (1, -1),
        "e": (2, 1),
        "page_up": (2, 1),
        "q": (2, -1),
        "page_down": (2, -1),
        "o": (3, 1),
        "u": (3, -1),
        "i": (4, 1),
        "k": (4, -1),
        "j": (5, 1),
        "l": (5, -1),
    }
)
"""Key to component (away, left, up, and rotation about them) and sign, as the person sees it."""

CLOSE_KEY, OPEN_KEY = "c", "v"
HELP = (
    "w/s away and back, a/d left and right, e/q up and down (arrows and page keys too), "
    "u/o roll, i/k pitch, j/l turn, c closes and v opens the gripper"
)
"""What a person must know, in one line."""

AXES = AxisMap(sources=(0, 1, 2, 3, 4, 5), signs=(1,) * 6, full_scale=1.0, dead_zone=0.0)
"""Keys are 0 or 1 already, in the person's frame."""


class KeyboardDevice:
    """Turns keys into twists and the gripper; a `TeleopDevice`. Used from one thread.

    Args:
        keys: Where keys come from; closed by its owner.
        axes: Scale, and where the person stands.
        clock: Seconds, monotonic.
    """

    name = "keyboard"
    fault = ""
    help = HELP

    def __init__(self, keys: PressedKeys, axes: AxisMap = AXES, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys = keys
        self._axes = axes
        self._clock = clock
        self._time = 0.0

    def read(self) -> TeleopSample:
        """Returns the newest sample."""
        pressed = self._keys.held | {key for key in (*MOTION_KEYS, CLOSE_KEY, OPEN_KEY) if self._keys.take(key)}
        components = np.zeros(6, int)
        for key in pressed & MOTION_KEYS.keys():
            index, sign = MOTION_KEYS[key]
            components[index] += sign
        if pressed:
            self._time = self._clock()
        return TeleopSample(
            twist=self._axes.twist(np.sign(components).tolist()),
            gripper=-1.0 if CLOSE_KEY in pressed else 1.0 if OPEN_KEY in pressed else 0.0,
            buttons=frozenset(pressed),
            time=self._time,
            is_connected=True,
        )

    def close(self) -> None:
        """Does nothing: the keys belong to somebody else."""


KEYBOARD = TeleopPlugin(open=lambda path, keys, apply: KeyboardDevice(keys, apply(AXES)), reads_keys=True)
