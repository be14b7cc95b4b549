"""Defines the settings of behaviour cloning."""

from __future__ import annotations

from dataclasses import dataclass

from serl_api.settings import require, require_least


@dataclass(frozen=True, kw_only=True)
class BcConfig:
    """How a policy is cloned. Network, cameras, seed, device and threads are those of the experiment."""

    steps: int = 2000
    """Gradient steps."""
    batch_size: int = 256
    """Steps of demonstrations in a batch."""
    learning_rate: float = 3e-4
    """Adam's step size."""
    largest_action: float = 0.99
    """Size that components of actions are clipped to, in (0, 1): tanh never reaches 1, whose density is infinite."""
    smallest_std: float = 0.1
    """Least standard deviation, before squashing, that the loss credits. Without it, components that demonstrations
    never vary, such as an open gripper, would raise the likelihood without end and drown the others."""
    validation_share: float = 0.1
    """Share of the episodes that only validate, in [0, 1); 0 for none, and then the last weights are kept."""
    check_steps: int = 100
    """Steps between two validations; the weights with the smallest error of the deterministic action are kept."""
    keeps_failures: bool = False
    """Whether episodes without success are imitated too."""

    def __post_init__(self) -> None:
        require_least(self, 1, "steps", "batch_size", "check_steps")
        require("learning_rate", self.learning_rate, self.learning_rate > 0, "positive")
        require("largest_action", self.largest_action, 0 < self.largest_action < 1, "in (0, 1)")
        require("smallest_std", self.smallest_std, self.smallest_std > 0, "positive")
        require("validation_share", self.validation_share, 0 <= self.validation_share < 1, "in [0, 1)")
