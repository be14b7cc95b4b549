import pytest
import torch

from serl_rl.models.critic_ensemble import CriticEnsemble
from serl_rl.models.mlp import Arithmetic
from tests.support.rounding import kernel_bound


@pytest.fixture
def critic():
    return CriticEnsemble(3, 2, (16, 16), 4, Arithmetic(), torch.Generator().manual_seed(0))


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(5, 3, generator=generator), torch.rand(5, 2, generator=generator)


def test_values_have_one_row_for_each_member(critic, inputs):
    values = critic(*inputs)
    assert values.shape == (4, 5)
    assert len({value.item() for value in values[:, 0]}) == 4


def test_members_share_nothing(critic, inputs):
    critic(*inputs)[1].sum().backward()
    for name, parameter in critic.named_parameters():
        assert parameter.shape[0] == 4, name
        touched = parameter.grad.flatten(1).abs().sum(1) > 0
        assert touched.tolist() == [False, True, False, False], name


def test_chosen_members_may_repeat(critic, inputs):
    members = torch.tensor([3, 0, 3])
    bound = kernel_bound(lambda: critic(*inputs))
    torch.testing.assert_close(critic(*inputs, members), critic(*inputs)[members], rtol=0, atol=bound)
