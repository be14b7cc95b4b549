"""Implements the policy network: a diagonal Gaussian squashed by tanh."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from serl_rl.models.mlp import Affine, Arithmetic, Mlp

MIN_STANDARD_DEVIATION = 1e-5
MAX_STANDARD_DEVIATION = 5.0


class GaussianTanhPolicy(nn.Module):
    """Computes a distribution of actions tanh(mean + std * noise).

    The second head gives the logarithm of the standard deviation (not of the variance), which is clipped to
    [1e-5, 5].

    Args:
        observation_size: Number of components of the observation vector.
        action_size: Number of components of the action.
        hidden_sizes: Number of features of each hidden layer.
        arithmetic: How hidden layers compute.
        generator: Source of the initial weights.
    """

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        hidden_sizes: Sequence[int],
        arithmetic: Arithmetic,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.mlp = Mlp(observation_size, hidden_sizes, None, arithmetic, generator)
        self.mean = Affine(hidden_sizes[-1], action_size, None, generator)
        self.log_std = Affine(hidden_sizes[-1], action_size, None, generator)

    def forward(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and logarithm of the standard deviation before squashing. Shapes (B, A) and (B, A)."""
        features = self.mlp(observations)
        # Clipping the logarithm is clipping exp(.) but cannot overflow, whose gradient would be NaN.
        log_std = self.log_std(features, torch.float32)
        log_std = log_std.clamp(math.log(MIN_STANDARD_DEVIATION), math.log(MAX_STANDARD_DEVIATION))
        return self.mean(features, torch.float32), log_std


def squashed_sample(mean: Tensor, log_std: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    r"""Draws actions and their log-probabilities.

    .. math:: a = \tanh u,\; u = \mu + \sigma \epsilon,\quad
        \log \pi(a) = \sum_i \log \mathcal{N}(u_i; \mu_i, \sigma_i) - \log(1 - \tanh^2 u_i)

    Haarnoja et al. 2018 (arXiv:1812.05905), appendix C. The correction is computed as
    2 (log 2 - u - softplus(-2u)), which does not lose digits where tanh saturates.

    Args:
        mean: Mean before squashing. Shape (B, A).
        log_std: Logarithm of the standard deviation before squashing. Shape (B, A).
        noise: Standard normal draws. Shape (B, A).

    Returns:
        Actions in [-1, 1] of shape (B, A), and log-probabilities of shape (B,).
    """
    raw = mean + log_std.exp() * noise
    gaussian = -0.5 * noise.square() - log_std - 0.5 * math.log(2 * math.pi)
    correction = 2 * (math.log(2) - raw - nn.functional.softplus(-2 * raw))
    return torch.tanh(raw), (gaussian - correction).sum(-1)
