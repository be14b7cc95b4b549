"""The border of MuJoCo's quaternion order (wxyz); everything outside this package is xyzw."""

import numpy as np

from robot_daemon.hardware.devices import FloatArray


def to_xyzw(quat_wxyz: FloatArray) -> FloatArray:
    """Reorders; a new array. Shapes (4,)."""
    return quat_wxyz[_XYZW]


def to_wxyz(quat_xyzw: FloatArray) -> FloatArray:
    """Reorders; a new array. Shapes (4,)."""
    return quat_xyzw[_WXYZ]


_XYZW = np.array([1, 2, 3, 0])
_WXYZ = np.array([3, 0, 1, 2])
