"""Maps components of an action to a wrench at the TCP: as of HIL-SERL's egg flip, where a policy pushes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np

from serl_api.values import FloatArray, Observation, WrenchTarget

WrenchScale: TypeAlias = tuple[float, float, float, float, float, float]
"""Force along x, y, z and torque about them that 1 of a component means, N and Nm; an axis with 0 has no component."""

_AXES = ("force_x", "force_y", "force_z", "torque_x", "torque_y", "torque_z")


@dataclass(frozen=True, kw_only=True)
class WrenchActions:
    """Pushes with a force and a torque in base axes for one control period; `ArmActions`.

    The daemon bounds the wrench, the speed that it leads to, and the box. An axis that is not pushed along is held, and
    a push that is not renewed in time ends: the arm then brakes and holds.
    """

    scale: WrenchScale
    """What 1 means, N and Nm."""

    @cached_property
    def axes(self) -> tuple[int, ...]:
        """Components of a wrench, 0 to 5, that an action sets."""
        return tuple(axis for axis, scale in enumerate(self.scale) if scale > 0.0)

    @property
    def names(self) -> tuple[str, ...]:
        """Returns the axes that are pushed along or turned about."""
        return tuple(_AXES[axis] for axis in self.axes)

    @property
    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Returns the wrenches of -1 and 1, N and Nm, of each component."""
        most = np.array(self.scale)[list(self.axes)]
        return -most, most

    @property
    def turning_obstacle(self) -> str:
        """Returns why these cannot be given in other axes; empty where forces and torques are whole vectors."""
        force, torque = set(self.scale[:3]), set(self.scale[3:])
        if len(force) == len(torque) == 1 and 0.0 not in force:
            return ""
        return f"1 of a wrench means {self.scale[:3]} N and {self.scale[3:]} Nm, which is not the same along each axis"

    def target(self, action: FloatArray, start: Observation) -> WrenchTarget:
        """Makes the wrench."""
        del start
        wrench = np.zeros(6)
        wrench[list(self.axes)] = action[: len(self.axes)] * self.bounds[1]
        return WrenchTarget(wrench=wrench)
