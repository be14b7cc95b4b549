import numpy as np
import pytest
import torch

from serl_rl.algorithms.sac.losses import actor_loss, bootstrap_target, critic_loss, imitation_loss, temperature_loss

REWARDS, TERMINATED = torch.tensor([1.0, 0.0, 1.0]), torch.tensor([0.0, 0.0, 1.0])
VALUES = torch.tensor([[2.0, 5.0, 7.0], [3.0, 4.0, 9.0]])


@pytest.mark.trap
def test_target_takes_the_minimum_and_stops_at_the_end_of_a_task():
    target = bootstrap_target(REWARDS, TERMINATED, VALUES, 0.9)
    np.testing.assert_allclose(target, [1 + 0.9 * 2, 0 + 0.9 * 4, 1], rtol=1e-6)


@pytest.mark.trap
def test_entropy_of_later_steps_is_discounted_and_ends_with_the_task():
    bonus = torch.tensor([0.5, -0.5, 10.0])
    target = bootstrap_target(REWARDS, TERMINATED, VALUES, 0.9, next_entropy_bonus=bonus)
    np.testing.assert_allclose(target, [1 + 0.9 * 2.5, 0.9 * 3.5, 1], rtol=1e-6)


def test_target_stays_within_the_returns_that_are_possible():
    target = bootstrap_target(REWARDS, TERMINATED, VALUES - 4.5, 0.9, return_range=(0.0, 1.0))
    np.testing.assert_allclose(target, [0.0, 0.0, 1.0], atol=1e-6)
    unclipped = bootstrap_target(REWARDS, TERMINATED, VALUES / 10, 0.9, return_range=(-5.0, 5.0))
    np.testing.assert_allclose(unclipped, [1 + 0.9 * 0.2, 0.9 * 0.4, 1], rtol=1e-6)


def test_critic_loss_is_the_mean_over_members_and_batch():
    target = torch.tensor([1.0, 2.0, 3.0])
    expected = ((VALUES.numpy() - target.numpy()) ** 2).mean()
    assert critic_loss(VALUES, target).item() == pytest.approx(expected)


@pytest.mark.trap
def test_actor_loss_takes_the_mean_over_members():
    log_probabilities = torch.tensor([1.0, -2.0, 0.5])
    expected = (0.1 * log_probabilities.numpy() - VALUES.numpy().mean(0)).mean()
    assert actor_loss(VALUES, log_probabilities, torch.tensor(0.1)).item() == pytest.approx(expected)


def test_imitation_counts_taught_actions_that_the_critics_prefer():
    actions = torch.tensor([[0.0, 0.5], [1.0, -1.0], [0.2, 0.2], [0.3, 0.0]])
    taught_actions = torch.tensor([[1.0, 0.5], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    values, taught_values = torch.tensor([0.1, 0.5, 0.1, 0.3]), torch.tensor([0.2, 0.4, 0.9, 0.3])
    taught = torch.tensor(
        [1.0, 1.0, 0.0, 1.0]
    )  # The 2nd is worse than the policy's, the 3rd is its own, the 4th equal.
    loss = imitation_loss(actions, values, taught_actions, taught_values, taught)
    assert loss.item() == pytest.approx(1.0 / 3)
    assert imitation_loss(actions, values, taught_actions, taught_values, torch.zeros(4)).item() == 0.0


@pytest.mark.parametrize(("entropy", "rises"), [(-5.0, True), (5.0, False)])
def test_temperature_rises_when_the_entropy_is_too_small(entropy, rises):
    temperature = torch.tensor(0.3, requires_grad=True)
    loss = temperature_loss(temperature, torch.full((4,), -entropy), -2.0)
    assert loss.item() == pytest.approx(0.3 * (entropy + 2))
    loss.backward()
    assert temperature.grad is not None
    assert (temperature.grad.item() < 0) == rises
