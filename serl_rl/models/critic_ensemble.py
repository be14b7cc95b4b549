"""Implements a critic ensemble: N independent Q functions as one batched module."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from serl_rl.models.mlp import Affine, Arithmetic, Mlp


class CriticEnsemble(nn.Module):
    """Computes Q(observation, action) of N members that share nothing, or the last layer alone.

    Args:
        observation_size: Number of components of the observation vector.
        action_size: Number of components of the action.
        hidden_sizes: Number of features of each hidden layer.
        members: Number of members N.
        arithmetic: How hidden layers compute.
        generator: Source of the initial weights.
        shares_value: Whether the members share the last layer, as SERL's critics from pixels do.
    """

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        hidden_sizes: Sequence[int],
        members: int,
        arithmetic: Arithmetic,
        generator: torch.Generator,
        *,
        shares_value: bool = False,
    ) -> None:
        super().__init__()
        self.members = members
        self.mlp = Mlp(observation_size + action_size, hidden_sizes, members, arithmetic, generator)
        self.value = Affine(hidden_sizes[-1], 1, None if shares_value else members, generator)
        self._shares_value = shares_value

    def forward(self, observations: Tensor, actions: Tensor, members: Tensor | None = None) -> Tensor:
        """Returns the values.

        Args:
            observations: Shape (B, D).
            actions: In [-1, 1]. Shape (B, A).
            members: Indices of the members to evaluate, int64 of shape (M,), repetitions allowed; None for all N.

        Returns:
            Values of shape (M, B) or (N, B).
        """
        x = torch.cat([observations, actions], dim=-1)
        x = x.expand(self.members if members is None else len(members), *x.shape)
        features = self.mlp(x, members)
        if self._shares_value:
            return self.value(features.flatten(0, 1), torch.float32).view(features.shape[:2])
        return self.value(features, torch.float32, members).squeeze(-1)
