"""Maps components of an action to joint positions, and back: as of ALOHA, where an action is a leader's posture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serl_api.cell import ArmInfo
from serl_api.values import FloatArray, JointTarget, Observation
from serl_client.wrappers.flatten_state import StateComponent


@dataclass(frozen=True, kw_only=True)
class JointActions:
    """Maps -1 and 1 to the limits of each joint; `ArmActions`.

    The daemon bounds the way there: limits of the joints and of their speed, the workspace box, the table.
    """

    arm: ArmInfo
    """Limits of the joints."""

    @property
    def names(self) -> tuple[str, ...]:
        """Returns a name for each joint, from base to flange."""
        return tuple(f"joint_{number}" for number in range(1, self.arm.joint_count + 1))

    @property
    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Returns the limits of the joints, rad. Shapes (n,)."""
        return self.arm.joint_lower, self.arm.joint_upper

    @property
    def turning_obstacle(self) -> str:
        """Returns why: joint positions have no axes."""
        return "control is joint"

    def target(self, action: FloatArray, start: Observation) -> JointTarget:
        """Makes the joint positions."""
        del start
        share = 0.5 * (action[: self.arm.joint_count] + 1.0)
        lower, upper = self.bounds
        return JointTarget(positions=lower + share * (upper - lower))

    def components(self, positions: FloatArray) -> FloatArray:
        """Returns the components that lead to joint positions, (n,), rad; beyond a limit they lead to it."""
        lower, upper = self.bounds
        return np.clip(2.0 * (positions - lower) / (upper - lower) - 1.0, -1.0, 1.0)


def joint_state(joint_count: int) -> StateComponent:
    """Makes the component of a state that holds the measured joint positions, rad."""
    return StateComponent(name="joint_position", key="joint_positions", indices=tuple(range(joint_count)), scale=1.0)
