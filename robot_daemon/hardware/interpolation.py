"""Spreads the way to a target over the time until the next one, so that an arm neither jumps nor waits."""

from dataclasses import dataclass

import numpy as np

from serl_api.rotation import conjugate, from_rotvec, multiply, to_rotvec
from serl_api.values import FloatArray, Pose

PERIOD_SHARE = 1.1
"""Duration of a leg in periods: the next target may come late by a tenth of one, and the set-point does not stop."""


@dataclass(frozen=True, eq=False)
class Leg:
    """Holds the way of a set-point to one target, at constant speed."""

    start: Pose
    goal: Pose
    begin_ns: int
    period_s: float
    """Time until the next target can be expected, s."""

    def is_over(self, now_ns: int) -> bool:
        """Returns whether the set-point has arrived."""
        return now_ns - self.begin_ns >= PERIOD_SHARE * self.period_s * 1e9

    def at(self, now_ns: int) -> Pose:
        """Returns the set-point at an instant."""
        if self.is_over(now_ns):
            return self.goal
        ratio = (now_ns - self.begin_ns) * 1e-9 / (PERIOD_SHARE * self.period_s)
        return ahead(self.start, self._way, (ratio, ratio))

    def speed(self, now_ns: int) -> FloatArray:
        """Returns the twist of the set-point, m/s and rad/s in base. Shape (6,)."""
        return np.zeros(6) if self.is_over(now_ns) else self._way / (PERIOD_SHARE * self.period_s)

    @property
    def _way(self) -> FloatArray:
        return way(self.start, self.goal)


def way(start: Pose, goal: Pose) -> FloatArray:
    """Computes the way from one pose to another in base: three in m, then the rotation vector in rad. Shape (6,)."""
    turned = conjugate(start.quaternion_xyzw.tolist())
    turn = to_rotvec(multiply(goal.quaternion_xyzw.tolist(), turned))
    return np.array((*(goal.position - start.position).tolist(), *turn))


def ahead(pose: Pose, twist: FloatArray, lead_s: tuple[float, float]) -> Pose:
    """Returns where a pose is a time later, told apart for translation and rotation, s. Shape of the twist: (6,).

    A spring that is led by damping over stiffness pulls as hard as its damper takes at that speed: an arm that keeps up
    has no error, and the bounds of the spring bound both.
    """
    x, y, z = (lead_s[1] * twist[3:]).tolist()
    turned = multiply(from_rotvec((x, y, z)), pose.quaternion_xyzw.tolist())
    return Pose(pose.position + lead_s[0] * twist[:3], np.array(turned))
