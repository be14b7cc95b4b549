"""Computes where the parts of a serial arm are, for many configurations at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serl_api.values import FloatArray

Frame = tuple[float, float, float]
"""A joint's frame in the one before it: a, m; d, m; alpha, rad (Craig, "Introduction to Robotics", 3rd edition)."""

FRANKA_FRAMES: tuple[Frame, ...] = (
    (0.0, 0.333, 0.0),
    (0.0, 0.0, -np.pi / 2),
    (0.0, 0.316, np.pi / 2),
    (0.0825, 0.0, np.pi / 2),
    (-0.0825, 0.384, -np.pi / 2),
    (0.0, 0.0, np.pi / 2),
    (0.088, 0.0, np.pi / 2),
)
"""Of Panda and FR3, from base to flange. Source: Franka Robotics, "Robot and interface specifications"."""
FRANKA_FLANGE_M = 0.107
"""From the last joint's frame to the flange, along z."""


@dataclass(frozen=True, eq=False)
class ArmParts:
    """Positions of parts of an arm in N configurations."""

    names: tuple[str, ...]
    """Of the parts; the last one is the TCP."""
    radii: FloatArray
    """Half the thickness of each part, m. Shape (P,)."""
    positions: FloatArray
    """Shape (N, P, 3), m, in base."""
    turns: FloatArray | None = None
    """Rotation matrices of the flange in base, shape (N, 3, 3); None where they are not known."""


class SerialArm:
    """Computes the kinematics of a Franka arm with a tool.

    Args:
        tool: TCP in the flange's frame. Shape (3,), m.
    """

    names = ("elbow", "wrist", "flange", "tcp")
    radii = np.array((0.08, 0.07, 0.05, 0.0))
    _ELBOW, _WRIST = 3, 5  # Joints whose frames stand there.

    def __init__(self, tool: FloatArray) -> None:
        self._tool = np.array(tool, dtype=np.float64)
        self._placements = [_placement(frame) for frame in FRANKA_FRAMES]

    def parts(self, joints: FloatArray) -> ArmParts:
        """Returns where elbow, wrist, flange and TCP are. Shape of the joints: (N, 7), rad."""
        count = len(joints)
        rotation = np.broadcast_to(np.eye(3), (count, 3, 3))
        position = np.zeros((count, 3))
        found = []
        for index, (offset, turn) in enumerate(self._placements):
            position = position + rotation @ offset
            rotation = rotation @ turn @ _about_z(joints[:, index])
            if index in (self._ELBOW, self._WRIST):
                found.append(position)
        flange = position + rotation[:, :, 2] * FRANKA_FLANGE_M
        found += [flange, flange + rotation @ self._tool]
        return ArmParts(self.names, self.radii, np.stack(found, axis=1), rotation)


def _placement(frame: Sequence[float]) -> tuple[FloatArray, FloatArray]:
    a, d, alpha = frame
    sine, cosine = np.sin(alpha), np.cos(alpha)
    turn = np.array(((1.0, 0.0, 0.0), (0.0, cosine, -sine), (0.0, sine, cosine)))
    return np.array((a, -sine * d, cosine * d)), turn


def _about_z(angles: FloatArray) -> FloatArray:
    turn = np.zeros((len(angles), 3, 3))
    turn[:, 0, 0] = turn[:, 1, 1] = np.cos(angles)
    turn[:, 1, 0] = np.sin(angles)
    turn[:, 0, 1] = -turn[:, 1, 0]
    turn[:, 2, 2] = 1.0
    return turn
