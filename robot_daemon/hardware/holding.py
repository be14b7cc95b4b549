"""Says when an arm that was told to hold has been braked enough to be held where it is.

A spring that is set to the place of an arm on its way swings on and back. Arms therefore brake by dampers alone, and
set the spring when they are slow.
"""

import math

import numpy as np

from robot_daemon.hardware.devices import ArmSample

SLOW_M_PER_S = 0.01
"""Speed of the TCP below which a spring takes over."""
SLOW_RAD_PER_S = 0.05
"""The same for rotation."""
BRAKING_NS = 300_000_000
"""Time after which it does in any case: what a false load or a hand moves must not drift on."""
BRAKE_DAMPING = np.array([300.0] * 3 + [20.0] * 3)
"""Damping of the TCP while an arm brakes, Ns/m and Nms/rad, unless its compliance has more. Shape (6,)."""


def is_slow(state: ArmSample) -> bool:
    """Returns whether the TCP is slow enough to be held where it is."""
    x, y, z, turn_x, turn_y, turn_z = state.tcp_twist.tolist()
    return math.hypot(x, y, z) < SLOW_M_PER_S and math.hypot(turn_x, turn_y, turn_z) < SLOW_RAD_PER_S
