"""Penalizes each change of the gripper, so that a policy does not open and close it for nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, SupportsFloat

import gymnasium
import numpy as np
from numpy.typing import NDArray

from serl_api.settings import AT_LEAST_0, check_fields
from serl_client.episodes.info_keys import INTERVENTION_ACTION
from serl_client.wrappers.plugin import WrapperPlugin

_THRESHOLD = 0.5
_OPEN_SHARE = 0.9
"""Share of the widest opening from which the gripper counts as open at the start."""


class GripperPenalty(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Puts `info["grasp_penalty"]` on every step: minus the cost where the executed action changes the gripper, else 0.

    The reward stays as it is: in HIL-SERL (Luo et al. 2024, arXiv:2410.21845) only the critic that chooses gripper
    actions sees the penalty, and SERL's earlier wrapper, which subtracts it from the reward, hides a success that comes
    on the same step.

    With two arms the last component of each half is a gripper's, and the costs of both add up.

    An action below -0.5 closes and one above 0.5 opens. It is a change when it differs from what was asked for last, or
    at the start of an episode from how the gripper stands; a slow gripper therefore costs once, not once a step. What
    counts is the executed action, an intervention's too, whether this sits inside `Intervention` or around it.

    Args:
        env: Environment whose action ends in the gripper's component, in each half where there are two arms, and whose
            info has "gripper_width", of each.
        cost: Of one change, at least 0.
        max_width: Widest opening, m; None asks the environment.

    Raises:
        ValueError: The cost is below 0, or there is no gripper.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], cost: float = 0.02, *, max_width: float | None = None) -> None:
        super().__init__(env)
        if cost < 0.0:
            raise ValueError(f"the gripper's cost is {cost}; it must be at least 0, and is subtracted")
        self._cost = cost
        self._max_width = _widest(env) if max_width is None else max_width
        if self._max_width <= 0.0:
            raise ValueError("a gripper penalty needs a gripper, and the environment has none; leave it away")
        self._open_width = _OPEN_SHARE * self._max_width
        self._count = _gripper_count(env)
        self._is_open = np.ones(self._count, bool)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begins an episode with the gripper's state."""
        observation, info = self.env.reset(seed=seed, options=options)
        widths = np.broadcast_to(np.asarray(info.get("gripper_width", math.nan), float), self._count)
        self._is_open = ~(widths < self._open_width)
        return observation, info

    def step(self, action: NDArray[Any]) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Takes a step and adds the cost of its gripper action."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        executed = np.asarray(info.get(INTERVENTION_ACTION, action), float).reshape(self._count, -1)[:, -1]
        wants_open = np.where(np.abs(executed) <= _THRESHOLD, self._is_open, executed > 0.0)
        changes = int((wants_open != self._is_open).sum())
        penalty = -self._cost * changes if changes else 0.0
        self._is_open = wants_open
        return observation, reward, terminated, truncated, info | {"grasp_penalty": penalty}


@dataclass(frozen=True, kw_only=True)
class GripperPenaltyOptions:
    """Configures the cost of a change of the gripper."""

    cost: Annotated[float, AT_LEAST_0] = 0.02
    """Cost of one change."""

    def __post_init__(self) -> None:
        check_fields(self)


GRIPPER_PENALTY = WrapperPlugin(
    options=GripperPenaltyOptions, build=lambda env, options: GripperPenalty(env, options.cost), keeps_spaces=True
)
"""For a critic that chooses gripper actions."""


def _gripper_count(env: gymnasium.Env[Any, Any]) -> int:
    try:
        return max(int(env.get_wrapper_attr("task").gripper_count), 1)
    except AttributeError:
        return 1


def _widest(env: gymnasium.Env[Any, Any]) -> float:
    try:
        has_gripper = env.get_wrapper_attr("task").gripper_count > 0
        return float(env.get_wrapper_attr("max_gripper_width")) if has_gripper else 0.0
    except AttributeError:
        return 0.0
