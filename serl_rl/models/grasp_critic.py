"""Implements the grasp critic: the value of each choice of the grippers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from serl_rl.models.mlp import Affine, Arithmetic, Mlp
from serl_rl.models.perception import Perception, VisualCritic, VisualInput, VisualPolicy


class GraspCritic(nn.Module):
    """Computes Q(observation, choice) of all choices at once; one network, no ensemble.

    As in HIL-SERL (Luo et al. 2024, arXiv:2410.21845), the last hidden layer is linear.

    Args:
        observation_size: Components of the observation vector.
        choices: Number of choices.
        hidden_sizes: Features of each hidden layer.
        arithmetic: How hidden layers compute.
        generator: Source of the initial weights.
    """

    def __init__(
        self,
        observation_size: int,
        choices: int,
        hidden_sizes: Sequence[int],
        arithmetic: Arithmetic,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.mlp = Mlp(observation_size, hidden_sizes[:-1], None, arithmetic, generator)
        inputs = hidden_sizes[-2] if len(hidden_sizes) > 1 else observation_size
        self.linear = Affine(inputs, hidden_sizes[-1], None, generator)
        self.value = Affine(hidden_sizes[-1], choices, None, generator)

    def forward(self, observations: Tensor) -> Tensor:
        """Returns the value of each choice. Shape (B, D) to (B, choices)."""
        return self.value(self.linear(self.mlp(observations), torch.float32), torch.float32)


def make_grasp_critic(
    arm: nn.Module,
    observation_size: int,
    choices: int,
    hidden_sizes: Sequence[int],
    arithmetic: Arithmetic,
    generator: torch.Generator,
) -> GraspCritic:
    """Makes a fresh grasp critic that reads what the arm's policy or critics do; arguments as in `GraspCritic`."""
    is_visual = isinstance(arm, (VisualPolicy, VisualCritic))
    inputs = arm.perception.output_size if is_visual else observation_size
    return GraspCritic(inputs, choices, hidden_sizes, arithmetic, generator)


class VisualGraspCritic(nn.Module):
    """Evaluates the grippers' choices by what is perceived; its loss trains perception too."""

    def __init__(self, perception: Perception, network: GraspCritic) -> None:
        super().__init__()
        self.perception = perception
        self.network = network

    def forward(self, seen: VisualInput) -> Tensor:
        """Returns the value of each choice. Shape (B, choices)."""
        return self.network(self.perception(seen))
