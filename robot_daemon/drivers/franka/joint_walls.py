"""Keeps joints away from the limits of their positions: how fast each may go there, and what holds it back.

An arm stops by itself, with a reflex that a person has to clear, when a joint comes to a limit too fast: the FR3 allows
less and less speed before it. The daemon's box bounds the tool, not the elbow, so that a pose inside it can fold a
joint to its limit. A wall stands before each limit; a joint may go there only as fast as it can still be stopped.
"""

from dataclasses import dataclass

import numpy as np

from robot_daemon.drivers.franka.facts import ArmFacts
from robot_daemon.hardware.joint_margin import inner_limits
from serl_api.values import FloatArray

APPROACH_TIME_S = 0.1
"""Shortest time to a wall at the present speed; a joint that is faster is braked, s."""
CURVE_SHARE = 0.7
"""Share of the arm's own speed limit before a position limit that a joint may have."""
FREE_RAD = 0.1
"""Distance from a wall beyond which a joint takes more and more torque towards it."""
BRAKE_S = 0.5
"""Torque limit of a joint times this over its speed limit is the damping that brakes it, s."""


@dataclass(frozen=True, eq=False)
class JointWalls:
    """Holds where the walls stand and how they brake. Shapes (7,)."""

    lower: FloatArray
    """Walls towards negative positions, rad."""
    upper: FloatArray
    limits: tuple[FloatArray, FloatArray]
    """Position limits of the arm, rad."""
    deceleration: FloatArray
    """Deceleration that the arm expects of a joint before its limit, rad/s^2."""
    velocity_offset: FloatArray
    """What it takes off that speed, rad/s."""
    damping: FloatArray
    """Torque against each rad/s that a joint is too fast, Nms/rad."""

    def speeds(self, positions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Returns the lowest and the highest velocity of each joint, rad/s; beyond a wall, away from it."""
        doubled = 2.0 * self.deceleration
        lower, upper = self.limits
        down = np.sqrt(doubled * np.maximum(positions - lower, 0.0)) - self.velocity_offset
        up = np.sqrt(doubled * np.maximum(upper - positions, 0.0)) - self.velocity_offset
        lowest = np.maximum((self.lower - positions) / APPROACH_TIME_S, -CURVE_SHARE * np.maximum(down, 0.0))
        highest = np.minimum((self.upper - positions) / APPROACH_TIME_S, CURVE_SHARE * np.maximum(up, 0.0))
        return lowest, highest

    def torques(self, positions: FloatArray, velocities: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Returns the lowest and the highest torque of each joint, its dampers included, Nm.

        A joint that is slower than it may be gains speed freely far from a wall, and the slower the nearer it is.
        """
        lowest, highest = self.speeds(positions)
        least, most = self.damping * (lowest - velocities), self.damping * (highest - velocities)
        back, ahead = (positions - self.lower) / FREE_RAD, (self.upper - positions) / FREE_RAD
        return least * np.where(least < 0.0, np.maximum(back, 1.0), 1.0), most * np.where(
            most > 0.0, np.maximum(ahead, 1.0), 1.0
        )


def joint_walls(facts: ArmFacts, positions: FloatArray | None = None) -> JointWalls:
    """Builds the walls of an arm: at the limits themselves, or where positions are given, a margin before them.

    A joint that stands in the margin already is not pushed out: there, the wall stands where the joint does.

    Args:
        facts: What is published of the arm.
        positions: Where the joints are. Shape (7,), rad.
    """
    lower, upper = np.array(facts.lower), np.array(facts.upper)
    walls = (lower, upper) if positions is None else inner_limits(lower, upper, positions)
    damping = BRAKE_S * np.array(facts.torque) / np.array(facts.speed)
    return JointWalls(*walls, (lower, upper), np.array(facts.deceleration), np.array(facts.velocity_offset), damping)


def turn_back(
    error: FloatArray,
    stiffness: FloatArray,
    jacobian: FloatArray,
    damper: FloatArray,
    least: FloatArray,
    most: FloatArray,
) -> bool:
    """Turns the error of a Cartesian spring back about joints that it drives at a wall, in place.

    What is taken off is the wrench that acts on such a joint and on the others as little as a wrench can, so that these
    carry the TCP on along the wall, as they would behind a real stop. (To shorten the error along the joint's own twist
    would push the other joints as well: a tool that was sent down and inwards rose.)

    Args:
        error: Of the spring, m and rad. Shape (6,).
        stiffness: N/m and Nm/rad. Shape (6,).
        jacobian: Of the TCP. Shape (6, 7).
        damper: Torques of the dampers, Nm. Shape (7,).
        least: Lowest torque of spring and dampers together, Nm. Shape (7,).
        most: The highest. Shape (7,).

    Returns:
        Whether nothing had to change.
    """
    for turn in range(_PASSES):
        torque = jacobian.T @ (stiffness * error) + damper
        excess = torque - np.minimum(np.maximum(torque, least), most)
        if not np.count_nonzero(excess):
            return turn == 0
        worst = int(np.argmax(np.abs(excess)))
        turned = _relief(jacobian, worst, stiffness)
        leverage = float(jacobian[:, worst] @ (stiffness * turned))
        if leverage < _LEAST_LEVERAGE:
            return turn == 0
        error -= turned * (excess[worst] / leverage)
    return False


def _relief(jacobian: FloatArray, joint: int, stiffness: FloatArray) -> FloatArray:
    """Returns the error whose spring acts on a joint and least on the others, in any length. Shape (6,)."""
    if not stiffness.all():
        return jacobian[:, joint]  # Not every wrench can be had.
    return np.linalg.solve(jacobian @ jacobian.T + _REGULARIZATION, jacobian[:, joint]) / stiffness


_REGULARIZATION = 1e-6 * np.eye(6)  # Keeps wrenches finite at singular postures.
_PASSES = 4
"""Rarely do two joints meet their walls at once, and each pass settles one."""
_LEAST_LEVERAGE = 1e-3
"""Torque that a unit of relief takes off a joint, below which no spring can hold it back."""
