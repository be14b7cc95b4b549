"""Quaternions (xyzw) and rotation vectors as plain tuples: at this size faster than arrays.

Every quaternion is of unit length unless said otherwise; both signs mean the same rotation.
"""

import math
from typing import TypeAlias

Vector: TypeAlias = tuple[float, float, float]
Quaternion: TypeAlias = tuple[float, float, float, float]


def multiply(a: Quaternion, b: Quaternion) -> Quaternion:
    """Hamilton product: the rotation `b` followed by `a`, both in base axes."""
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def conjugate(q: Quaternion) -> Quaternion:
    """The inverse rotation."""
    return (-q[0], -q[1], -q[2], q[3])


def normalized(q: Quaternion) -> Quaternion:
    """The unit quaternion along `q`; unchanged when it is one already."""
    square = q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]
    if abs(square - 1.0) < 1e-14:
        return q
    scale = 1.0 / math.sqrt(square)
    return (q[0] * scale, q[1] * scale, q[2] * scale, q[3] * scale)


def angle_between(a: Quaternion, b: Quaternion) -> float:
    """Angle of the relative rotation, rad, in [0, pi]. It has no wrap and does not depend on signs."""
    x, y, z, w = multiply(a, conjugate(b))
    return 2.0 * math.atan2(math.sqrt(x * x + y * y + z * z), abs(w))


def to_rotvec(q: Quaternion) -> Vector:
    """Rotation vector, rad, of length in [0, pi]."""
    x, y, z, w = q if q[3] >= 0.0 else (-q[0], -q[1], -q[2], -q[3])
    sine = math.sqrt(x * x + y * y + z * z)
    scale = 2.0 if sine < 1e-12 else 2.0 * math.atan2(sine, w) / sine
    return (x * scale, y * scale, z * scale)


def from_rotvec(rotvec: Vector) -> Quaternion:
    """Rotation by the vector's length about its direction."""
    x, y, z = rotvec
    angle = math.sqrt(x * x + y * y + z * z)
    scale = 0.5 if angle < 1e-12 else math.sin(0.5 * angle) / angle
    return normalized((x * scale, y * scale, z * scale, math.cos(0.5 * angle)))


def slerp(a: Quaternion, b: Quaternion, ratio: float) -> Quaternion:
    """The rotation at `ratio` of the shortest way from `a` to `b`."""
    x, y, z = to_rotvec(multiply(b, conjugate(a)))
    return normalized(multiply(from_rotvec((x * ratio, y * ratio, z * ratio)), a))
