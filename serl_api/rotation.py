"""Computes with quaternions, rotation vectors and changes of frame, for both ends of the API.

Quaternions are x, y, z, w with the Hamilton product, of unit length unless said otherwise; both signs mean the same
rotation. `a_q_b` is the orientation of frame b in frame a, so that `a_q_c = multiply(a_q_b, b_q_c)`. Six-vectors are
(linear, angular) or (force, torque). What needs one quaternion or rotation vector works on plain floats, at this size
faster than arrays: give it `array.tolist()`.
"""

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from serl_api.values import FloatArray, Pose

Vector: TypeAlias = tuple[float, float, float]
Quaternion: TypeAlias = tuple[float, float, float, float]
_Numbers: TypeAlias = NDArray[np.floating] | Sequence[float]

_SMALL_ANGLE_RAD = 1e-12
"""Below it, the limits replace the quotients sin(x) / x, which are exact to the last digit there."""


def multiply(a: Sequence[float], b: Sequence[float]) -> Quaternion:
    """Multiplies by the Hamilton product: applies rotation `b` first, then `a`."""
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def conjugate(q: Sequence[float]) -> Quaternion:
    """Inverts a rotation."""
    x, y, z, w = q
    return (-x, -y, -z, w)


def normalized(q: Sequence[float]) -> Quaternion:
    """Scales a quaternion to unit length; unchanged when it has it already.

    Raises:
        ValueError: The length is 0 or not finite.
    """
    x, y, z, w = q
    square = x * x + y * y + z * z + w * w
    if abs(square - 1.0) < 1e-14:
        return (x, y, z, w)
    if not 0.0 < square < math.inf:
        raise ValueError(f"quaternion {[x, y, z, w]} has length {math.sqrt(square):g}; it must be a rotation")
    scale = 1.0 / math.sqrt(square)
    return (x * scale, y * scale, z * scale, w * scale)


def canonical(q: Sequence[float]) -> Quaternion:
    """Scales to unit length and w >= 0: of the two signs the one that the API sends.

    Raises:
        ValueError: The length is 0 or not finite.
    """
    x, y, z, w = normalized(q)
    return (-x, -y, -z, -w) if w < 0.0 else (x, y, z, w)


def angle_between(a: Sequence[float], b: Sequence[float]) -> float:
    """Returns the angle of the relative rotation, rad, in [0, pi]. It has no wrap and does not depend on signs."""
    x, y, z, w = multiply(a, conjugate(b))
    return 2.0 * math.atan2(math.sqrt(x * x + y * y + z * z), abs(w))


def to_rotvec(q: Sequence[float]) -> Vector:
    """Converts to a rotation vector, rad, of length in [0, pi]."""
    x, y, z, w = q
    if w < 0.0:
        x, y, z, w = -x, -y, -z, -w
    sine = math.sqrt(x * x + y * y + z * z)
    scale = 2.0 if sine < _SMALL_ANGLE_RAD else 2.0 * math.atan2(sine, w) / sine
    return (x * scale, y * scale, z * scale)


def from_rotvec(rotvec: Sequence[float]) -> Quaternion:
    """Converts from a rotation by the vector's length, rad, about its direction."""
    x, y, z = rotvec
    angle = math.sqrt(x * x + y * y + z * z)
    scale = 0.5 if angle < _SMALL_ANGLE_RAD else math.sin(0.5 * angle) / angle
    return normalized((x * scale, y * scale, z * scale, math.cos(0.5 * angle)))


def slerp(a: Sequence[float], b: Sequence[float], ratio: float) -> Quaternion:
    """Turns at constant speed along the shorter way; `ratio` 0 is `a`, 1 is `b`."""
    x, y, z = to_rotvec(multiply(b, conjugate(a)))
    return normalized(multiply(from_rotvec((x * ratio, y * ratio, z * ratio)), a))


def to_matrix(a_q_b: _Numbers) -> FloatArray:
    """Converts a unit quaternion, shape (4,), to a rotation matrix, shape (3, 3)."""
    x, y, z, w = map(float, a_q_b)
    return np.array(
        (
            (1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - z * w), 2.0 * (x * z + y * w)),
            (2.0 * (x * y + z * w), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - x * w)),
            (2.0 * (x * z - y * w), 2.0 * (y * z + x * w), 1.0 - 2.0 * (x * x + y * y)),
        )
    )


def rotate(a_q_b: _Numbers, vector: _Numbers) -> FloatArray:
    """Returns the components in axes of a of a vector given in axes of b. Shapes (4,) and (3,); returns shape (3,)."""
    return to_matrix(a_q_b) @ np.asarray(vector, float)


def rotate_six_vector(a_q_b: _Numbers, six_vector: _Numbers) -> FloatArray:
    """Expresses a twist or wrench *about the same point* in other axes: both halves turn, nothing mixes.

    This is what a TCP twist, a TCP wrench or an action increment needs. An adjoint with a lever arm is wrong there,
    because the point does not change.

    Args:
        a_q_b: Shape (4,).
        six_vector: In axes of b, shape (6,).

    Returns:
        In axes of a, shape (6,).
    """
    matrix = to_matrix(a_q_b)
    return np.concatenate((matrix @ np.asarray(six_vector[:3], float), matrix @ np.asarray(six_vector[3:], float)))


def compose_poses(a_t_b: Pose, b_t_c: Pose) -> Pose:
    """Returns the pose of c in a."""
    position = a_t_b.position + rotate(a_t_b.quaternion_xyzw, b_t_c.position)
    quaternion = multiply(a_t_b.quaternion_xyzw.tolist(), b_t_c.quaternion_xyzw.tolist())
    return Pose(position, np.array(quaternion))


def invert_pose(a_t_b: Pose) -> Pose:
    """Returns the pose of a in b."""
    inverse = np.array(conjugate(a_t_b.quaternion_xyzw.tolist()))
    return Pose(-rotate(inverse, a_t_b.position), inverse)
