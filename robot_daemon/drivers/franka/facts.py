"""Lists published facts of the arms that the driver needs: limits of their joints, and where home is.

Source of the limits: Franka Robotics, "Robot and interface specifications", 2024. It says nothing of a Panda's speed
before a position limit: its limit of acceleration is taken.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

Septuple: TypeAlias = tuple[float, float, float, float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class ArmFacts:
    """Describes one model of arm; joints from base to flange."""

    lower: Septuple
    """Position limits, rad."""
    upper: Septuple
    speed: Septuple
    """Speed limits, rad/s."""
    deceleration: Septuple
    """Near a position limit the speed limit is sqrt(2 * deceleration * distance) less `velocity_offset`, rad/s^2."""
    velocity_offset: Septuple = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    """rad/s."""
    torque: Septuple = (87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0)
    """Torque limits, Nm."""
    home: Septuple = (
        1.2092241739,
        -0.9216242813,
        -1.0704112576,
        -2.519914628,
        -0.8119596481,
        1.8429893635,
        1.4353981634,
    )
    """Puts a tool as long as the Franka Hand at (0.4, 0, 0.25) m, pointing down, with the elbow to the side, rad."""


ARMS: Mapping[str, ArmFacts] = {
    "panda": ArmFacts(
        lower=(-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973),
        upper=(2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973),
        speed=(2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61),
        deceleration=(15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0),
    ),
    "fr3": ArmFacts(
        lower=(-2.7437, -1.7837, -2.9007, -3.0421, -2.8065, 0.5445, -3.0159),
        upper=(2.7437, 1.7837, 2.9007, -0.1518, 2.8065, 4.5169, 3.0159),
        speed=(2.62, 2.62, 2.62, 2.62, 5.26, 4.18, 5.26),
        deceleration=(6.0, 2.585, 3.5, 4.0, 17.0, 5.5, 17.0),
        velocity_offset=(0.3, 0.2, 0.2, 0.3, 0.35, 0.35, 0.35),
    ),
}
