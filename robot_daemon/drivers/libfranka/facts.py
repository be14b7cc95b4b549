"""Published facts of the arms: kinematics and limits (Franka Robotics, FCI documentation, robot specifications)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from robot_daemon.devices import FloatArray

FLANGE_OFFSET = 0.107
"""From joint 7 to the flange along its axis, m."""

_A = (0.0, 0.0, 0.0, 0.0825, -0.0825, 0.0, 0.088)
_D = (0.333, 0.0, 0.316, 0.0, 0.384, 0.0, 0.0)
_ALPHA = (0.0, -np.pi / 2, np.pi / 2, np.pi / 2, -np.pi / 2, np.pi / 2, np.pi / 2)

_COSINES = tuple(float(np.cos(alpha)) for alpha in _ALPHA)
_SINES = tuple(float(np.sin(alpha)) for alpha in _ALPHA)


@dataclass(frozen=True, kw_only=True, eq=False)
class ArmFacts:
    """One model. All arrays have shape (7,)."""

    lower: FloatArray
    """rad."""
    upper: FloatArray
    """rad."""
    speed: FloatArray
    """rad/s."""
    home: FloatArray
    """Joint positions with the flange at (0.4, 0, 0.4) m pointing down; one solution of many, rad."""


FACTS: Mapping[str, ArmFacts] = MappingProxyType(
    {
        "panda": ArmFacts(
            lower=np.array((-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973)),
            upper=np.array((2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973)),
            speed=np.array((2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61)),
            home=np.array(
                (1.2092241739, -0.9216242813, -1.0704112576, -2.519914628, -0.8119596481, 1.8429893635, 1.4353981634)
            ),
        ),
        "fr3": ArmFacts(
            lower=np.array((-2.7437, -1.7837, -2.9007, -3.0421, -2.8065, 0.5445, -3.0159)),
            upper=np.array((2.7437, 1.7837, 2.9007, -0.1518, 2.8065, 4.5169, 3.0159)),
            speed=np.array((2.62, 2.62, 2.62, 2.62, 5.26, 4.18, 5.26)),
            home=np.array(
                (1.2092241739, -0.9216242813, -1.0704112576, -2.519914628, -0.8119596481, 1.8429893635, 1.4353981634)
            ),
        ),
    }
)
"""Models by name."""


def joint_frames(positions: FloatArray) -> FloatArray:
    """Frames of the seven joints in base, by Craig's Denavit-Hartenberg convention.

    Args:
        positions: Shape (7,), rad.

    Returns:
        Homogeneous transforms; each joint turns about its own z axis. Shape (7, 4, 4).
    """
    frames = np.empty((7, 4, 4))
    frame = np.eye(4)
    for index, (cosine, sine) in enumerate(zip(np.cos(positions), np.sin(positions), strict=True)):
        ca, sa, a, d = _COSINES[index], _SINES[index], _A[index], _D[index]
        link = np.array(
            (
                (cosine, -sine, 0.0, a),
                (sine * ca, cosine * ca, -sa, -d * sa),
                (sine * sa, cosine * sa, ca, d * ca),
                (0.0, 0.0, 0.0, 1.0),
            )
        )
        frame = frame @ link
        frames[index] = frame
    return frames


def flange_of(frames: FloatArray) -> FloatArray:
    """Pose of the flange in base from `joint_frames`. Shape (4, 4)."""
    flange = frames[6].copy()
    flange[:3, 3] += FLANGE_OFFSET * flange[:3, 2]
    return flange


def jacobian_at(frames: FloatArray, point: FloatArray) -> FloatArray:
    """Geometric Jacobian of a point of the tool in base axes, linear rows first.

    Args:
        frames: Of `joint_frames`.
        point: In base, m. Shape (3,).

    Returns:
        Shape (6, 7).
    """
    axes = frames[:, :3, 2]
    return np.concatenate([np.cross(axes, point - frames[:, :3, 3]).T, axes.T])
