import math

import numpy as np
import pytest
import torch
from scipy import stats

from serl_rl.models.gaussian_policy import GaussianTanhPolicy, squashed_sample
from serl_rl.models.mlp import Arithmetic


@pytest.fixture
def policy():
    return GaussianTanhPolicy(3, 2, (16, 16), Arithmetic(), torch.Generator().manual_seed(0))


@pytest.mark.trap
def test_log_probability_is_that_of_a_standard_deviation():
    mean, log_std, noise = (
        torch.tensor([[0.3, -0.5]]),
        torch.tensor([[math.log(0.2), math.log(2.0)]]),
        torch.tensor([[0.7, -1.1]]),
    )
    action, log_probability = squashed_sample(mean, log_std, noise)
    raw = np.arctanh(action.double().numpy())
    # scipy's `scale` is the standard deviation. Taken as a variance, the first component alone would differ by 0.8.
    expected = stats.norm.logpdf(raw, mean.numpy(), [[0.2, 2.0]]) - np.log(1 - np.tanh(raw) ** 2)
    assert log_probability.item() == pytest.approx(expected.sum(), abs=1e-4)


@pytest.mark.trap
def test_samples_spread_by_the_standard_deviation():
    noise = torch.randn(100_000, 1, generator=torch.Generator().manual_seed(0))
    action, _ = squashed_sample(torch.zeros(1), torch.full((1,), math.log(0.05)), noise)
    assert torch.atanh(action).std().item() == pytest.approx(0.05, rel=0.02)


@pytest.mark.parametrize("raw", [-40.0, -12.0, 0.0, 12.0, 40.0])
def test_correction_is_stable_where_tanh_saturates(raw):
    mean = torch.tensor([[raw]], requires_grad=True)
    _, log_probability = squashed_sample(mean, torch.zeros(1, 1), torch.zeros(1, 1))
    # log(1 - tanh(u)^2) = 2 log(2) - 2 |u| - 2 log(1 + exp(-2 |u|)), in float64.
    correction = 2 * math.log(2) - 2 * abs(raw) - 2 * math.log1p(math.exp(-2 * abs(raw)))
    assert log_probability.item() == pytest.approx(-0.5 * math.log(2 * math.pi) - correction, rel=1e-5, abs=1e-5)
    log_probability.sum().backward()
    assert mean.grad is not None
    assert mean.grad.item() == pytest.approx(2 * math.tanh(raw), rel=1e-4, abs=1e-5)


def test_density_of_actions_integrates_to_one():
    actions = np.linspace(-1 + 1e-6, 1 - 1e-6, 200_001)
    noise = torch.tensor((np.arctanh(actions) - 0.4) / 0.7)[:, None]
    _, log_probability = squashed_sample(
        torch.tensor([[0.4]]).double(), torch.tensor([[math.log(0.7)]]).double(), noise
    )
    assert np.trapezoid(np.exp(log_probability.numpy()), actions) == pytest.approx(1, abs=1e-4)


@pytest.mark.trap
def test_standard_deviation_is_clipped(policy):
    with torch.no_grad():
        policy.log_std.bias[:] = torch.tensor([-100.0, 100.0])
    log_std = policy(torch.zeros(1, 3))[1]
    np.testing.assert_allclose(log_std.exp().detach(), [[1e-5, 5.0]], rtol=1e-5)
    log_std.sum().backward()
    assert torch.isfinite(policy.log_std.bias.grad).all()
