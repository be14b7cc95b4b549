"""Bounds of motion that bind nothing, for tests of what else does."""

import numpy as np

from robot_daemon.hardware.devices import MotionBounds

FREE = MotionBounds(
    lower=np.full(3, -10.0),
    upper=np.full(3, 10.0),
    speed=100.0,
    rotation_speed=100.0,
    push_speed=100.0,
    push_rotation_speed=100.0,
)
"""A box and speeds that nothing reaches."""
