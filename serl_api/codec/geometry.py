"""Converts vectors, poses, twists and wrenches between arrays and messages.

`write_*` fill in a part of an answer in place: half the cost of a part that is built and then copied into its parent.
"""

from collections.abc import Collection, Sequence

import numpy as np
from serl.robot.v1 import geometry_pb2

from serl_api.values import FloatArray, Pose, Triple


def decode_numbers(field: Collection[float]) -> FloatArray:
    """Converts a repeated field, shape (n,)."""
    return np.fromiter(field, np.float64, len(field))  # Three times as fast as np.array on a repeated field.


def encode_vector(vector: Sequence[float] | FloatArray) -> geometry_pb2.Vector3:
    """Converts three numbers of any unit.

    Raises:
        ValueError: There are not three.
    """
    if len(vector) != 3:
        raise ValueError(f"a vector has {len(vector)} components; it must have 3: x, y, z")
    x, y, z = vector
    return geometry_pb2.Vector3(x=x, y=y, z=z)


def decode_vector(message: geometry_pb2.Vector3) -> FloatArray:
    """Converts to an array of shape (3,)."""
    return np.array((message.x, message.y, message.z))


def decode_triple(message: geometry_pb2.Vector3) -> Triple:
    """Converts to a tuple."""
    return message.x, message.y, message.z


def encode_quaternion(quaternion: FloatArray) -> geometry_pb2.Quaternion:
    """Converts shape (4,), xyzw."""
    x, y, z, w = quaternion.tolist()
    return geometry_pb2.Quaternion(x=x, y=y, z=z, w=w)


def decode_quaternion(message: geometry_pb2.Quaternion) -> FloatArray:
    """Converts to an array of shape (4,), xyzw."""
    return np.array((message.x, message.y, message.z, message.w))


def encode_pose(pose: Pose) -> geometry_pb2.Pose:
    """Converts a pose to ask for. Shapes are checked here; NaN and norm are the daemon's to refuse.

    Raises:
        ValueError: Position or quaternion has a wrong shape.
    """
    position, quaternion = np.asarray(pose.position), np.asarray(pose.quaternion_xyzw)
    if position.shape != (3,) or quaternion.shape != (4,):
        raise ValueError(
            f"a pose needs a position of shape (3,) and an xyzw quaternion of shape (4,), "
            f"not {position.shape} and {quaternion.shape}"
        )
    return geometry_pb2.Pose(position=encode_vector(position.tolist()), orientation=encode_quaternion(quaternion))


def write_pose(message: geometry_pb2.Pose, pose: Pose) -> None:
    """Fills in a pose, with w >= 0."""
    point, turn = message.position, message.orientation
    point.x, point.y, point.z = pose.position.tolist()
    x, y, z, w = pose.quaternion_xyzw.tolist()
    if w < 0.0:
        x, y, z, w = -x, -y, -z, -w
    turn.x, turn.y, turn.z, turn.w = x, y, z, w


def decode_pose(message: geometry_pb2.Pose) -> Pose:
    """Converts to a pose in the frame that the field names."""
    return Pose(decode_vector(message.position), decode_quaternion(message.orientation))


def write_twist(message: geometry_pb2.Twist, twist: FloatArray) -> None:
    """Fills in shape (6,), m/s and rad/s."""
    v, w = message.linear, message.angular
    v.x, v.y, v.z, w.x, w.y, w.z = twist.tolist()


def decode_twist(message: geometry_pb2.Twist) -> FloatArray:
    """Converts to an array of shape (6,), m/s and rad/s."""
    v, w = message.linear, message.angular
    return np.array((v.x, v.y, v.z, w.x, w.y, w.z))


def write_wrench(message: geometry_pb2.Wrench, wrench: FloatArray) -> None:
    """Fills in shape (6,), N and Nm."""
    f, t = message.force, message.torque
    f.x, f.y, f.z, t.x, t.y, t.z = wrench.tolist()


def decode_wrench(message: geometry_pb2.Wrench) -> FloatArray:
    """Converts to an array of shape (6,), N and Nm."""
    f, t = message.force, message.torque
    return np.array((f.x, f.y, f.z, t.x, t.y, t.z))
