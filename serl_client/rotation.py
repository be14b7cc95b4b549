"""Quaternions, rotation vectors and changes of frame; the order of components is in the name.

Quaternions are x, y, z, w with the Hamilton product. `a_q_b` is the orientation of frame b in frame a, so that
`a_q_c = multiply(a_q_b, b_q_c)`. Six-vectors are (linear, angular) or (force, torque).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from serl_client.values import FloatArray, Pose

_Vector: TypeAlias = NDArray[np.floating] | Sequence[float]

_SMALL_ANGLE_RAD = 1e-6
"""Below it, series replace the quotients sin(x) / x; their error is below 1e-13."""


def multiply_quaternions_xyzw(first: _Vector, second: _Vector) -> FloatArray:
    """Applies `second` first, then `first`. Shapes (4,)."""
    ax, ay, az, aw = map(float, first)
    bx, by, bz, bw = map(float, second)
    return np.array(
        (
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
            aw * bw - ax * bx - ay * by - az * bz,
        )
    )


def invert_quaternion_xyzw(quaternion: _Vector) -> FloatArray:
    """Inverse of a unit quaternion. Shape (4,)."""
    x, y, z, w = map(float, quaternion)
    return np.array((-x, -y, -z, w))


def normalize_quaternion_xyzw(quaternion: _Vector) -> FloatArray:
    """Unit length and w >= 0: the one of the two signs that the daemon sends. Shape (4,).

    Raises:
        ValueError: The length is 0 or not finite.
    """
    array = np.array(quaternion, float)
    norm = math.sqrt(float(array @ array))
    if not 0.0 < norm < math.inf:
        raise ValueError(f"quaternion {array.tolist()} has length {norm:g}; it must be a rotation")
    return array / (-norm if array[3] < 0.0 else norm)


def quaternion_xyzw_from_rotation_vector(rotation_vector: _Vector) -> FloatArray:
    """Exponential map. Shape (3,), rad, axis times angle. Returns shape (4,)."""
    x, y, z = map(float, rotation_vector)
    angle = math.sqrt(x * x + y * y + z * z)
    is_small = angle < _SMALL_ANGLE_RAD
    factor = 0.5 - angle * angle / 48.0 if is_small else math.sin(0.5 * angle) / angle
    return np.array((x * factor, y * factor, z * factor, math.cos(0.5 * angle)))


def rotation_vector_from_quaternion_xyzw(quaternion: _Vector) -> FloatArray:
    """Logarithm of a unit quaternion, with an angle in [0, pi]. Shape (4,). Returns shape (3,), rad."""
    x, y, z, w = map(float, quaternion)
    if w < 0.0:
        x, y, z, w = -x, -y, -z, -w
    sine = math.sqrt(x * x + y * y + z * z)
    factor = 2.0 if sine < _SMALL_ANGLE_RAD else 2.0 * math.atan2(sine, w) / sine
    return np.array((x * factor, y * factor, z * factor))


def rotation_matrix_from_quaternion_xyzw(quaternion: _Vector) -> FloatArray:
    """Matrix of a unit quaternion. Shape (4,). Returns shape (3, 3)."""
    x, y, z, w = map(float, quaternion)
    return np.array(
        (
            (1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - z * w), 2.0 * (x * z + y * w)),
            (2.0 * (x * y + z * w), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - x * w)),
            (2.0 * (x * z - y * w), 2.0 * (y * z + x * w), 1.0 - 2.0 * (x * x + y * y)),
        )
    )


def rotate_vector(quaternion_xyzw: _Vector, vector: _Vector) -> FloatArray:
    """Components of a vector of frame b in frame a, for `a_q_b`. Shapes (4,) and (3,)."""
    return rotation_matrix_from_quaternion_xyzw(quaternion_xyzw) @ np.asarray(vector, float)


def rotation_angle(first_xyzw: _Vector, second_xyzw: _Vector) -> float:
    """Angle between two orientations, in [0, pi], rad."""
    difference = multiply_quaternions_xyzw(invert_quaternion_xyzw(first_xyzw), second_xyzw)
    return 2.0 * math.atan2(float(np.linalg.norm(difference[:3])), abs(float(difference[3])))


def slerp_quaternions_xyzw(start: _Vector, end: _Vector, fraction: float) -> FloatArray:
    """Turns at constant speed along the shorter way. Shapes (4,); `fraction` 0 is `start`, 1 is `end`."""
    difference = multiply_quaternions_xyzw(invert_quaternion_xyzw(start), end)
    step = quaternion_xyzw_from_rotation_vector(fraction * rotation_vector_from_quaternion_xyzw(difference))
    return multiply_quaternions_xyzw(start, step)


def compose_poses(a_t_b: Pose, b_t_c: Pose) -> Pose:
    """Pose of c in a."""
    position = a_t_b.position + rotate_vector(a_t_b.quaternion_xyzw, b_t_c.position)
    return Pose(position, multiply_quaternions_xyzw(a_t_b.quaternion_xyzw, b_t_c.quaternion_xyzw))


def invert_pose(a_t_b: Pose) -> Pose:
    """Pose of a in b."""
    inverse = invert_quaternion_xyzw(a_t_b.quaternion_xyzw)
    return Pose(-rotate_vector(inverse, a_t_b.position), inverse)


def skew_matrix(vector: _Vector) -> FloatArray:
    """Matrix of the cross product with a vector from the left. Shape (3,). Returns shape (3, 3)."""
    x, y, z = map(float, vector)
    return np.array(((0.0, -z, y), (z, 0.0, -x), (-y, x, 0.0)))


def rotate_six_vector(quaternion_xyzw: _Vector, six_vector: _Vector) -> FloatArray:
    """Expresses a twist or wrench *about the same point* in other axes: both halves turn, nothing mixes.

    This is what a TCP twist, a TCP wrench or an action increment needs. An adjoint with a lever arm is wrong there,
    because the point does not change.

    Args:
        quaternion_xyzw: `a_q_b`, shape (4,).
        six_vector: In axes of b, shape (6,).

    Returns:
        In axes of a, shape (6,).
    """
    matrix = rotation_matrix_from_quaternion_xyzw(quaternion_xyzw)
    return np.concatenate((matrix @ np.asarray(six_vector[:3], float), matrix @ np.asarray(six_vector[3:], float)))


def adjoint_matrix(a_t_b: Pose) -> FloatArray:
    """Matrix that takes a twist (v, w) of a body from frame b to frame a, reference point included.

    Both twists are those of the body's point that passes through the origin of their frame:
    `v_a = R v_b + p x (R w_b)`, `w_a = R w_b`. With (v, w) order the lever arm stands in the *upper right* block: a
    rotation about a distant axis moves the origin, while a translation never turns anything. See Lynch and Park,
    Modern Robotics (2017), section 3.3.2, which orders twists (w, v).

    Returns:
        Shape (6, 6).
    """
    rotation = rotation_matrix_from_quaternion_xyzw(a_t_b.quaternion_xyzw)
    matrix = np.zeros((6, 6))
    matrix[:3, :3] = matrix[3:, 3:] = rotation
    matrix[:3, 3:] = skew_matrix(a_t_b.position) @ rotation
    return matrix
