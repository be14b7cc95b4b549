"""Computes the losses of soft actor-critic from tensors."""

from __future__ import annotations

from torch import Tensor


def bootstrap_target(
    rewards: Tensor,
    terminated: Tensor,
    next_values: Tensor,
    discount: float,
    *,
    next_entropy_bonus: Tensor | None = None,
    return_range: tuple[float, float] | None = None,
) -> Tensor:
    r"""Computes the return that a critic should predict.

    .. math:: y = r + \gamma (1 - d) (\min_i Q_i(s', a') [- \alpha \log \pi(a' | s')])

    Haarnoja et al. 2018 (arXiv:1812.05905) with the ensemble minimum of Chen et al. 2021 (arXiv:2101.05982). A
    truncated step is not terminated, so it bootstraps. Where the smallest and largest possible return are known, the
    target is clipped to them (as Andrychowicz et al. 2017, arXiv:1707.01495, appendix A): a sparse reward of 1 at
    success allows nothing outside [0, 1], so an overestimate cannot feed on itself.

    Args:
        rewards: Shape (B,).
        terminated: One where the task ended the episode. Shape (B,).
        next_values: Target critics at the next step. Shape (M, B).
        discount: gamma.
        next_entropy_bonus: -alpha log pi at the next step, of shape (B,); None leaves the entropy out of the value.
        return_range: Smallest and largest possible return; None does not clip.

    Returns:
        Shape (B,).
    """
    value = next_values.amin(0)
    if next_entropy_bonus is not None:
        value = value + next_entropy_bonus
    target = rewards + discount * (1 - terminated) * value
    return target if return_range is None else target.clamp(*return_range)


def grasp_target(
    rewards: Tensor,
    terminated: Tensor,
    next_values: Tensor,
    next_target_values: Tensor,
    discount: float,
    largest_return: float | None = None,
) -> Tensor:
    r"""Computes the return that a grasp critic should predict for the choice that was made.

    .. math:: y = r + \gamma (1 - d) Q^-(s', \arg\max_c Q(s', c))

    Double Q-learning (van Hasselt et al. 2016, arXiv:1509.06461): the online network chooses, the target evaluates.

    Args:
        rewards: The task's reward plus the gripper's own. Shape (B,).
        terminated: One where the task ended the episode. Shape (B,).
        next_values: Online network at the next step. Shape (B, choices).
        next_target_values: Target network at the next step. Shape (B, choices).
        discount: gamma.
        largest_return: Largest possible return; None does not clip. Costs of the gripper leave the smallest open.

    Returns:
        Shape (B,).
    """
    best = next_values.argmax(-1, keepdim=True)
    target = rewards + discount * (1 - terminated) * next_target_values.gather(-1, best).squeeze(-1)
    return target if largest_return is None else target.clamp(max=largest_return)


def critic_loss(values: Tensor, target: Tensor) -> Tensor:
    """Computes the mean squared Bellman error over members and batch.

    Args:
        values: Shape (N, B).
        target: Takes no gradient. Shape (B,).
    """
    return (values - target).square().mean()


def actor_loss(values: Tensor, log_probabilities: Tensor, temperature: Tensor) -> Tensor:
    """Computes the mean of alpha log pi - Q, where Q is the mean over all members (as RLPD and SERL; not the minimum).

    Args:
        values: Critics at sampled actions. Shape (N, B).
        log_probabilities: Of those actions. Shape (B,).
        temperature: alpha, a scalar without gradient.
    """
    return (temperature * log_probabilities - values.mean(0)).mean()


def imitation_loss(
    actions: Tensor, values: Tensor, given_actions: Tensor, given_values: Tensor, interventions: Tensor
) -> Tensor:
    r"""Computes the squared distance to a person's action, where the critics value that above the policy's.

    .. math:: \frac{1}{\sum_i m_i} \sum_i m_i \, 1[Q(s_i, a_i) > Q(s_i, \pi(s_i))] \, \lVert \pi(s_i) - a_i \rVert^2

    Nair et al. 2018 (arXiv:1709.10089), section IV: behaviour cloning with a filter, which falls silent by itself as
    the policy gets better than the expert.

    Args:
        actions: Of the policy, deterministic. Shape (B, A).
        values: Mean of the critics at the policy's actions, without gradient. Shape (B,).
        given_actions: Actions of the batch. Shape (B, A).
        given_values: Mean of the critics at those, without gradient. Shape (B,).
        interventions: One where a person chose the action of the batch, else zero. Shape (B,).
    """
    weights = interventions * (given_values > values)
    return (weights * (actions - given_actions).square().sum(-1)).sum() / interventions.sum().clamp_min(1)


def temperature_loss(temperature: Tensor, log_probabilities: Tensor, target_entropy: float) -> Tensor:
    """Computes alpha (entropy - target), whose gradient raises the temperature when the entropy is too small.

    Args:
        temperature: alpha, a scalar.
        log_probabilities: Of sampled actions, without gradient. Shape (B,).
        target_entropy: In nat.
    """
    return temperature * (-log_probabilities.mean() - target_entropy)
