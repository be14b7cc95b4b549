"""What imitation adds to the policy's gradient, against a sum over single transitions."""

import torch
from torch import nn

from serl_rl.algorithms.sac.gradients import policy_gradients
from serl_rl.models.gaussian_policy import GaussianTanhPolicy
from serl_rl.models.mlp import Arithmetic
from serl_rl.models.temperature import Temperature

COUNT, WEIGHT = 12, 0.7


class NearIsBetter(nn.Module):
    """Two critics that prefer actions near 0.6."""

    def forward(self, observations, actions):
        value = -(actions - 0.6).square().sum(-1) + 0 * observations.sum(-1)
        return torch.stack([value, 2 * value])


def gradients(policy, observations, noise, imitation):
    temperature = Temperature(0.1)
    found, _, _ = policy_gradients(
        (policy, NearIsBetter(), temperature),
        (dict(policy.named_parameters()), {}, {}, dict(temperature.named_parameters())),
        observations,
        noise,
        torch.zeros(COUNT),
        -1.0,
        imitation,
    )
    return found


def test_imitation_draws_taught_actions_alone_and_only_where_they_are_better():
    draws = torch.Generator().manual_seed(3)
    policy = GaussianTanhPolicy(3, 2, (8,), Arithmetic(), draws)
    observations, noise = torch.randn(COUNT, 3, generator=draws), torch.randn(COUNT, 2, generator=draws)
    taught_actions = 2 * torch.rand(COUNT, 2, generator=draws) - 1
    taught = (torch.rand(COUNT, generator=draws) < 0.6).float()
    plain = gradients(policy, observations, noise, None)
    added = gradients(policy, observations, noise, (taught_actions, taught, WEIGHT))

    mean, log_std = policy(observations)
    sampled = torch.tanh(mean + log_std.exp() * noise).detach()
    is_better = (taught_actions - 0.6).norm(dim=-1) < (sampled - 0.6).norm(dim=-1)
    chosen = [index for index in range(COUNT) if taught[index] and is_better[index]]
    assert 0 < len(chosen) < taught.sum()
    loss = sum((torch.tanh(mean[index]) - taught_actions[index]).square().sum() for index in chosen) / taught.sum()
    (WEIGHT * loss).backward()
    for one, two, parameter in zip(plain, added, policy.parameters(), strict=True):
        expected = torch.zeros_like(one) if parameter.grad is None else parameter.grad
        torch.testing.assert_close(two - one, expected, atol=1e-5, rtol=1e-4)


def test_nothing_taught_adds_nothing():
    draws = torch.Generator().manual_seed(3)
    policy = GaussianTanhPolicy(3, 2, (8,), Arithmetic(), draws)
    observations, noise = torch.randn(COUNT, 3, generator=draws), torch.randn(COUNT, 2, generator=draws)
    nothing = (torch.zeros(COUNT, 2), torch.zeros(COUNT), WEIGHT)
    for one, two in zip(
        gradients(policy, observations, noise, None), gradients(policy, observations, noise, nothing), strict=True
    ):
        assert torch.equal(one, two)
