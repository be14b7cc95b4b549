"""Defines the settings of VICE, a reward that is learned with the policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from serl_api.settings import AT_LEAST_0, AT_LEAST_1, LESS_THAN_ALL, POSITIVE, Bound, check_fields

EventReward: TypeAlias = Literal["success", "probability", "log-odds"]
"""1 where success is at least as likely as not, as in SERL; its probability; or the logarithm of its odds."""


@dataclass(frozen=True, kw_only=True)
class ViceConfig:
    """Defines a reward by a classifier that learns to tell goals from what the policy does. The defaults are SERL's."""

    enabled: bool = False
    """Whether it takes the place of the environment's reward, which is then "none" or "dense"."""
    reward: EventReward = "success"
    """What a step earns by the classifier's opinion of what is seen after it: 1 where success is at least as likely as
    not, the probability, or the logarithm of the odds."""
    every_updates: Annotated[int, AT_LEAST_1] = 1
    """Updates of the agent for each of the classifier."""
    batch_size: Annotated[int, Bound(2)] = 256
    """Frames of one update of the classifier: half show goals, half are of the replay."""
    learning_rate: Annotated[float, POSITIVE] = 3e-4
    """Adam's step size."""
    hidden_size: Annotated[int, AT_LEAST_1] = 256
    """Features of the classifier's hidden layer."""
    dropout: Annotated[float, LESS_THAN_ALL] = 0.1
    """Share of them that training leaves out, in [0, 1)."""
    label_smoothing: Annotated[float, LESS_THAN_ALL] = 0.2
    """How far labels are drawn from 0 and 1 towards 0.5, in [0, 1): 0.2 gives 0.1 and 0.9."""
    mixup: Annotated[float, AT_LEAST_0] = 1.0
    """Alpha of the Beta distribution that mixes frames in pairs; 0 for none."""
    gradient_penalty: Annotated[float, AT_LEAST_0] = 10.0
    """Weight of the loss that holds the slope of the logit at 1; 0 for none. Its unit is that of the input: lower it
    where flat vectors are classified whose goals lie close to other states."""
    max_goals: Annotated[int, AT_LEAST_1] = 500
    """Most goal frames that are kept; more are thinned evenly."""

    def __post_init__(self) -> None:
        check_fields(self)

    def largest_return(self, discount: float) -> float | None:
        """Returns the largest discounted sum of rewards; None without a bound."""
        return None if self.reward == "log-odds" or discount == 1 else 1 / (1 - discount)
