import numpy as np
import pytest
import torch
from torch import nn

from serl_rl.models.adam import Adam


def adam_by_hand(x, gradients, rate, warm_up=0):
    """Ten lines of Adam in float64; None is a gradient of zero."""
    m, v = np.zeros_like(x), np.zeros_like(x)
    for count, gradient in enumerate(gradients, start=1):
        g = np.zeros_like(x) if gradient is None else gradient
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        ratio = min(1.0, (count - 1) / warm_up) if warm_up else 1.0
        x = x - rate * ratio * (m / (1 - 0.9**count)) / (np.sqrt(v / (1 - 0.999**count)) + 1e-8)
    return x


def run(gradients, rate=1e-2, warm_up=0):
    parameter = nn.Parameter(torch.ones(3))
    adam = Adam({"x": parameter}, rate, warm_up)
    for gradient in gradients:
        if gradient is None:
            adam.step_without_gradient()
        else:
            adam.step([torch.from_numpy(gradient).float()])
    return parameter.detach().numpy(), adam


def draw(pattern):
    rng = np.random.default_rng(0)
    return [rng.standard_normal(3) if letter == "g" else None for letter in pattern]


@pytest.mark.trap
@pytest.mark.parametrize("pattern", ["g", "gggggggg", "0000g", "g0000g0000g", "000g000g000g"])
def test_steps_match_adam_by_hand(pattern):
    gradients = draw(pattern)
    np.testing.assert_allclose(run(gradients)[0], adam_by_hand(np.ones(3), gradients, 1e-2), rtol=1e-5)


@pytest.mark.trap
def test_warm_up_grows_from_zero():
    gradients = draw("ggg0gggggg")
    assert (run(gradients[:1], warm_up=4)[0] == 1).all()
    np.testing.assert_allclose(run(gradients, warm_up=4)[0], adam_by_hand(np.ones(3), gradients, 1e-2, 4), rtol=1e-5)


@pytest.mark.trap
def test_one_gradient_in_k_steps_moves_about_root_k_as_far():
    gradient = np.ones(3)
    alone = 1 - run([gradient] * 400, rate=1e-4)[0]
    joint = 1 - run([gradient, None, None, None, None] * 400, rate=1e-4)[0]
    np.testing.assert_allclose(joint / alone, np.sqrt(5), rtol=0.05)


def test_saved_state_continues_exactly():
    gradients = draw("gg0ggg")
    whole, _ = run(gradients, warm_up=10)
    parameter, first = run(gradients[:3], warm_up=10)
    copy = nn.Parameter(torch.from_numpy(parameter.copy()))
    second = Adam({"x": copy}, 1e-2, 10)
    second.load_state_dict(first.state_dict())
    assert second.step_count == 3
    for gradient in gradients[3:]:
        second.step([torch.from_numpy(gradient).float()])
    np.testing.assert_array_equal(copy.detach().numpy(), whole)
