"""Computes the gradients of soft actor-critic in functions of arrays, which can be compiled."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value
from torch.utils import _pytree as pytree

from serl_rl.algorithms.sac.losses import (
    actor_loss,
    bootstrap_target,
    critic_loss,
    grasp_target,
    imitation_loss,
    temperature_loss,
)
from serl_rl.models.gaussian_policy import squashed_sample
from serl_rl.models.types import Arrays, Observations


def flattened(observations: Observations) -> Observations:
    """Joins the two leading dimensions."""
    return pytree.tree_map(lambda array: array.flatten(0, 1), observations)


def chosen(observations: Observations, index: int | slice) -> Observations:
    """Picks from the leading dimension."""
    return pytree.tree_map(lambda array: array[index], observations)


def next_actions(policy: nn.Module, arrays: Arrays, observations: Observations, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Samples an action for each observation, without gradient. Shapes (U, B, A) and (U, B)."""
    mean, log_std = functional_call(policy, arrays, (flattened(observations),))
    actions, log_probabilities = squashed_sample(mean, log_std, noise.flatten(0, 1))
    return actions.view_as(noise), log_probabilities.view(noise.shape[:2])


def critic_gradients(
    critic: nn.Module,
    arrays: Arrays,
    target_arrays: Arrays,
    minibatch: tuple[Observations, Tensor, Tensor, Tensor, Observations, Tensor],
    bonus: Tensor | None,
    members: Tensor | None,
    discount: float,
    return_range: tuple[float, float] | None,
) -> tuple[list[Tensor], Tensor]:
    """Returns the gradients of the critic's loss, and (loss, mean value, mean target)."""
    observations, actions, rewards, terminated, next_observations, next_actions = minibatch
    next_values = functional_call(critic, target_arrays, (next_observations, next_actions, members))
    target = bootstrap_target(
        rewards, terminated, next_values, discount, next_entropy_bonus=bonus, return_range=return_range
    )

    def loss_of(arrays: Arrays) -> tuple[Tensor, Tensor]:
        values = functional_call(critic, arrays, (observations, actions))
        return critic_loss(values, target), values.mean()

    gradients, (loss, mean_value) = grad_and_value(loss_of, has_aux=True)(arrays)
    return list(gradients.values()), torch.stack([loss, mean_value, target.mean()])


def policy_gradients(
    networks: tuple[nn.Module, nn.Module, nn.Module],
    arrays: tuple[Arrays, Arrays, Arrays, Arrays],
    observations: Observations,
    noise: Tensor,
    next_log_probabilities: Tensor,
    target_entropy: float,
    imitation: tuple[Tensor, Tensor, float] | None,
) -> tuple[list[Tensor], list[Tensor], Tensor]:
    """Returns the gradients of policy and temperature, and (policy's loss, entropy, temperature, its loss).

    The arrays are the policy's, those that it uses but that its loss does not train, the critics', and the temperature.
    Imitation is the batch's actions, where a person chose them, and the weight of their loss; None for none.
    """
    policy, critic, temperature = networks
    policy_arrays, fixed_arrays, critic_arrays, temperature_arrays = arrays
    alpha = functional_call(temperature, temperature_arrays, ())
    given_values = None
    if imitation is not None:
        given_values = functional_call(critic, critic_arrays, (observations, imitation[0])).mean(0)

    def policy_loss_of(arrays: Arrays) -> tuple[Tensor, Tensor]:
        mean, log_std = functional_call(policy, {**fixed_arrays, **arrays}, (observations,))
        actions, log_probabilities = squashed_sample(mean, log_std, noise)
        values = functional_call(critic, critic_arrays, (observations, actions))
        loss = actor_loss(values, log_probabilities, alpha)
        if imitation is not None and given_values is not None:
            given_actions, interventions, weight = imitation
            own = torch.tanh(mean), values.detach().mean(0)
            loss = loss + weight * imitation_loss(*own, given_actions, given_values, interventions)
        return loss, -log_probabilities.mean()

    def temperature_loss_of(arrays: Arrays) -> Tensor:
        return temperature_loss(functional_call(temperature, arrays, ()), next_log_probabilities, target_entropy)

    policy_gradients, (loss, entropy) = grad_and_value(policy_loss_of, has_aux=True)(policy_arrays)
    temperature_gradients, alpha_loss = grad_and_value(temperature_loss_of)(temperature_arrays)
    metrics = torch.stack([loss, entropy, alpha, alpha_loss])
    return list(policy_gradients.values()), list(temperature_gradients.values()), metrics


def grasp_gradients(
    critic: nn.Module,
    arrays: Arrays,
    target_arrays: Arrays,
    minibatch: tuple[Observations, Tensor, Tensor, Tensor, Observations],
    discount: float,
    largest_return: float | None,
) -> tuple[list[Tensor], Tensor]:
    """Returns the gradients of the grasp critic's loss, and (loss, mean value of what was chosen)."""
    observations, choices, rewards, terminated, next_observations = minibatch
    next_values = functional_call(critic, arrays, (next_observations,))
    next_target_values = functional_call(critic, target_arrays, (next_observations,))
    target = grasp_target(rewards, terminated, next_values, next_target_values, discount, largest_return)

    def loss_of(arrays: Arrays) -> tuple[Tensor, Tensor]:
        values = functional_call(critic, arrays, (observations,)).gather(-1, choices.unsqueeze(-1)).squeeze(-1)
        return critic_loss(values, target), values.mean()

    gradients, (loss, mean_value) = grad_and_value(loss_of, has_aux=True)(arrays)
    return list(gradients.values()), torch.stack([loss, mean_value])
