"""Limits the update-to-data ratio: how many updates a number of environment steps allows, and the other way round."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class UpdateRateLimiter:
    """Ties critic updates to environment steps, so that a run does not depend on how fast a machine is.

    The learner never does more than `ratio * (steps - warm_up_steps + tolerance_steps)` critic updates. Actors in
    simulation never run ahead of the learner by more than `lead_steps`.
    """

    ratio: float
    """Critic updates for each environment step; larger than 0."""
    warm_up_steps: int
    """Environment steps before the first update; they earn no updates."""
    lead_steps: int
    """Environment steps that actors may collect before their updates are done; at least 1."""
    tolerance_steps: int
    """Environment steps' worth of updates that the learner may do before their data has come; at least 0."""
    max_env_steps: int
    """Environment steps after which no more are granted."""
    updates_per_call: int = 1
    """Critic updates that the learner does at once."""

    def __post_init__(self) -> None:
        """Refuses values that would stop both sides for ever."""
        if self.ratio <= 0:
            raise ValueError(f"the update-to-data ratio must be larger than 0, it is {self.ratio}")
        least = math.ceil(self.updates_per_call / self.ratio)
        if self.lead_steps < least:
            raise ValueError(
                f"lead_steps is {self.lead_steps}: with {self.updates_per_call} critic updates a call and a ratio of "
                f"{self.ratio} both sides would wait for each other; use at least {least}"
            )

    def allows_update(self, env_steps: int, critic_updates: int) -> bool:
        """Decides whether the learner may do the updates of one more call now.

        Args:
            env_steps: Environment steps in the replay.
            critic_updates: Critic updates done.

        Returns:
            Whether it may.
        """
        if env_steps < self.warm_up_steps:
            return False
        earned = self.ratio * (env_steps - self.warm_up_steps + self.tolerance_steps)
        return critic_updates + self.updates_per_call <= earned

    def granted_steps(self, critic_updates: int) -> int:
        """Returns the environment steps of all actors together that may be collected.

        Args:
            critic_updates: Critic updates done.

        Returns:
            The largest number of steps.
        """
        paid = self.warm_up_steps + math.floor(critic_updates / self.ratio)
        return min(paid + self.lead_steps, self.max_env_steps)

    def actual_ratio(self, env_steps: int, critic_updates: int) -> float:
        """Returns the critic updates for each environment step since the warm-up; 0 before."""
        return critic_updates / max(env_steps - self.warm_up_steps, 1) if env_steps > self.warm_up_steps else 0.0

    def lag_steps(self, env_steps: int, critic_updates: int) -> float:
        """Returns the environment steps whose updates are still to be done; negative within the tolerance."""
        return max(env_steps - self.warm_up_steps, 0) - critic_updates / self.ratio
