"""Defines the settings of soft actor-critic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from serl_api.settings import AT_LEAST_0, AT_LEAST_1, POSITIVE, RATIO, SHARED, Bound, check_fields, require


@dataclass(frozen=True, kw_only=True)
class SacConfig:
    """Defines the settings of soft actor-critic."""

    hidden_sizes: Annotated[tuple[int, ...], AT_LEAST_1] = field(default=(256, 256), metadata=SHARED)
    """Features of each hidden layer, of policy and critics alike."""
    critic_count: Annotated[int, AT_LEAST_1] = 2
    """Number of critics."""
    target_critic_count: Annotated[int | None, AT_LEAST_1] = None
    """Critics drawn with replacement for each minibatch's target; None takes the minimum of all."""
    shares_value_layer: bool = False
    """Whether all critics share their last layer, as SERL's critics from pixels do."""
    critic_updates_per_actor_update: Annotated[int, AT_LEAST_1] = 4
    """Critic updates of one update, each on its own minibatch; one update of policy and temperature follows."""
    actor_batch: Literal["last", "all"] = "last"
    """What the policy is updated on: the last minibatch, or all of the update together."""
    batch_size: Annotated[int, AT_LEAST_1] = 256
    """Transitions of one minibatch."""
    discount: Annotated[float, RATIO] = 0.96
    """gamma, in [0, 1]."""
    return_range: tuple[float, float] | None = None
    """Smallest and largest possible return, to which targets are clipped; None does not clip. A sparse reward of 1 at
    success that ends the episode gives (0, 1)."""
    target_update_rate: Annotated[float, Bound(0, 1, open_lower=True)] = 0.005
    """tau: share of the critic that enters the target after each critic update, in (0, 1]."""
    learning_rate: Annotated[float, POSITIVE] = 3e-4
    """Adam's step size, of every network."""
    warm_up_steps: Annotated[int, AT_LEAST_0] = 0
    """Adam steps over which the step size of policy and critics grows from zero."""
    adam_clock: Literal["separate", "joint"] = "separate"
    """Whether each network's Adam steps only with its own gradients, or all step together as in SERL."""
    initial_temperature: Annotated[float, POSITIVE] = 0.01
    """First weight of the entropy; positive."""
    target_entropy: float | None = None
    """Entropy that the temperature aims at, in nat; None for minus half the action's size."""
    imitation_weight: Annotated[float, AT_LEAST_0] = 0.0
    """Weight of the loss that draws the policy to actions of demonstrations and interventions, where the critics find
    them better than its own; 0 for none, as in SERL."""
    grippers: Annotated[int, Bound(0, 2)] = field(default=0, metadata=SHARED)
    """Grippers that a grasp critic opens and closes, beside a policy for the arm: 1, or 2 for two arms; with 0 the
    policy moves them like any other component."""
    backup_entropy: bool = False
    """Whether the entropy of later steps is part of the value."""
    compile: Literal["auto", "on", "off"] = "auto"
    """Whether the losses are compiled; auto does so where a C++ compiler with Python.h (CPU) or Triton (GPU)
    is found."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Type of hidden matrix products; auto takes bfloat16 on devices that are fast with it."""

    def __post_init__(self) -> None:
        check_fields(self)
        require("hidden_sizes", self.hidden_sizes, bool(self.hidden_sizes), "of one layer or more")
        bounds = self.return_range
        require("return_range", bounds, bounds is None or bounds[0] < bounds[1], "(smallest, largest), or None")
        fits = bounds is None or not self.backup_entropy
        require("return_range", bounds, fits, "None with backup_entropy, whose values hold more than returns")
