"""Losses of VICE against NumPy."""

import numpy as np
import pytest
import torch

from serl_rl.rewards.vice_losses import event_loss, event_reward, gradient_penalty, mixed, smoothed


def test_labels_are_smoothed_as_in_serl():
    np.testing.assert_allclose(smoothed(torch.tensor([1.0, 0.0]), 0.2), [0.9, 0.1], rtol=1e-6)


def test_samples_are_mixed_with_their_partners():
    array = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    expected = 0.25 * array.numpy() + 0.75 * array.numpy()[[2, 0, 1]]
    np.testing.assert_allclose(mixed(array, torch.tensor([2, 0, 1]), 0.25), expected)


def test_loss_of_mixed_samples_weighs_both_labels():
    logits, labels, partners = torch.tensor([0.3, -2.0, 1.5]), torch.tensor([0.9, 0.1, 0.1]), torch.tensor([1, 0, 2])
    probabilities = 1 / (1 + np.exp(-logits.numpy()))

    def cross_entropy(y):
        return -(y * np.log(probabilities) + (1 - y) * np.log(1 - probabilities)).mean()

    expected = 0.7 * cross_entropy(labels.numpy()) + 0.3 * cross_entropy(labels.numpy()[[1, 0, 2]])
    assert event_loss(logits, labels, partners, 0.7).item() == pytest.approx(expected, rel=1e-5)


def test_penalty_is_of_the_norm_of_each_camera():
    slopes = [torch.full((2, 2, 2), 1.0), torch.tensor([[3.0, 4.0], [0.0, 0.0]])]
    norms = np.array([2.0, 2.0, 5.0, 0.0])
    assert gradient_penalty(slopes).item() == pytest.approx(((norms - 1) ** 2).mean(), abs=2e-3)


def test_penalty_of_a_flat_network_has_a_finite_slope():
    slope = torch.zeros(3, 4, requires_grad=True)
    gradient_penalty([slope]).backward()
    assert slope.grad is not None
    assert torch.isfinite(slope.grad).all()


def test_rewards_of_each_kind():
    logits = torch.tensor([-2.0, 0.0, 3.0])
    np.testing.assert_array_equal(event_reward(logits, "success"), [0, 1, 1])
    p = 1 / (1 + np.exp(-logits.numpy()))
    np.testing.assert_allclose(event_reward(logits, "probability"), p, rtol=1e-6)
    np.testing.assert_allclose(event_reward(logits, "log-odds"), np.log(p) - np.log(1 - p), rtol=1e-5, atol=1e-6)
