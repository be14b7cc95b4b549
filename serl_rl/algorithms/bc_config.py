"""Defines the settings of behaviour cloning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from serl_api.settings import AT_LEAST_1, LESS_THAN_ALL, POSITIVE, Bound, check_fields


@dataclass(frozen=True, kw_only=True)
class BcConfig:
    """Defines how a policy is cloned. Network, cameras, seed, device and threads are those of the experiment."""

    steps: Annotated[int, AT_LEAST_1] = 2000
    """Gradient steps."""
    batch_size: Annotated[int, AT_LEAST_1] = 256
    """Steps of demonstrations in a batch."""
    learning_rate: Annotated[float, POSITIVE] = 3e-4
    """Adam's step size."""
    largest_action: Annotated[float, Bound(0, 1, open_lower=True, open_upper=True)] = 0.99
    """Size that components of actions are clipped to, in (0, 1): tanh never reaches 1, whose density is infinite."""
    smallest_std: Annotated[float, POSITIVE] = 0.1
    """Least standard deviation, before squashing, that the loss credits. Without it, components that demonstrations
    never vary, such as an open gripper, would raise the likelihood without end and drown the others."""
    validation_share: Annotated[float, LESS_THAN_ALL] = 0.1
    """Share of the episodes that only validate, in [0, 1); 0 for none, and then the last weights are kept."""
    check_steps: Annotated[int, AT_LEAST_1] = 100
    """Steps between two validations; the weights with the smallest error of the deterministic action are kept."""
    keeps_failures: bool = False
    """Whether episodes without success are imitated too."""

    def __post_init__(self) -> None:
        check_fields(self)
