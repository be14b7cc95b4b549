"""Converts between MuJoCo's quaternion order, wxyz, and that of everything else, xyzw."""

import numpy as np

from serl_api.values import FloatArray


def to_xyzw(quat_wxyz: FloatArray) -> FloatArray:
    """Reorders a quaternion into a new array. Shapes (4,)."""
    return quat_wxyz[_XYZW]


def to_wxyz(quat_xyzw: FloatArray) -> FloatArray:
    """Reorders a quaternion into a new array. Shapes (4,)."""
    return quat_xyzw[_WXYZ]


_XYZW = np.array([1, 2, 3, 0])
_WXYZ = np.array([3, 0, 1, 2])
