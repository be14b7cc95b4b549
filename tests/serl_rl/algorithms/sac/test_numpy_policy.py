import numpy as np
import pytest
import torch

from serl_rl.algorithms.algorithm import PolicyError
from serl_rl.algorithms.sac.agent import SacAgent, SacConfig
from serl_rl.algorithms.sac.numpy_policy import NumpyPolicy
from serl_rl.models.gaussian_policy import squashed_sample
from tests.support.rounding import kernel_bound

OBSERVATION = {"state": np.array([0.3, -1.0, 2.0], np.float32)}


@pytest.fixture
def agent(spec):
    return SacAgent(spec, SacConfig(hidden_sizes=(32, 16), compile="off"), seed=3)


@pytest.fixture
def policy(spec, agent):
    policy = NumpyPolicy(spec)
    policy.load(agent.policy_state())
    return policy


@pytest.mark.trap
def test_deterministic_action_is_the_squashed_mean_of_the_network(policy, agent):
    def expected():
        return torch.tanh(agent.networks.policy(torch.from_numpy(OBSERVATION["state"])[None])[0]).detach().numpy()[0]

    found = [policy.act(OBSERVATION, np.random.default_rng(seed), deterministic=True) for seed in range(2)]
    np.testing.assert_allclose(found[0], expected(), rtol=0, atol=kernel_bound(expected))
    np.testing.assert_array_equal(found[0], found[1])


def test_sample_is_the_network_s_with_equal_noise(policy, agent):
    noise = torch.from_numpy(np.random.default_rng(1).standard_normal(2, np.float32))

    def expected():
        return squashed_sample(*agent.networks.policy(torch.from_numpy(OBSERVATION["state"])[None]), noise)[0][0]

    found = policy.act(OBSERVATION, np.random.default_rng(1))
    np.testing.assert_allclose(found, expected().detach(), rtol=0, atol=kernel_bound(expected))
    assert found.dtype == np.float32


def test_actions_before_the_first_policy_are_uniform(spec):
    policy, rng = NumpyPolicy(spec), np.random.default_rng(0)
    actions = np.stack([policy.act(OBSERVATION, rng) for _ in range(2000)])
    assert not policy.is_loaded
    assert np.abs(actions).max() <= 1
    np.testing.assert_allclose(actions.std(0), 1 / np.sqrt(3), rtol=0.05)


def test_actions_never_leave_their_range(policy, agent):
    state = agent.policy_state()
    state["mean.bias"][:] = 1e4
    policy.load(state)
    assert (policy.act(OBSERVATION, np.random.default_rng(0)) == 1).all()


def test_several_vectors_are_read_in_the_spec_s_order(make_spec):
    import dataclasses

    one = make_spec()
    array = one.observation[0]
    names = ("z", "a")
    two = dataclasses.replace(one, observation=tuple(dataclasses.replace(array, name=name) for name in names))
    agent = SacAgent(two, SacConfig(hidden_sizes=(8,), compile="off"))
    policy = NumpyPolicy(two)
    policy.load(agent.policy_state())
    values = {"a": np.ones(3, np.float32), "z": np.full(3, -2, np.float32)}

    def expected():
        return torch.tanh(agent.networks.policy(torch.tensor([[-2.0] * 3 + [1.0] * 3]))[0]).detach()[0]

    found = policy.act(values, np.random.default_rng(0), deterministic=True)
    np.testing.assert_allclose(found, expected(), rtol=0, atol=kernel_bound(expected))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("mean.bias"), r"'mean.bias' is missing"),
        (lambda state: state.update(extra=torch.zeros(1)), r"'extra' is unknown"),
        (lambda state: state.update({"mean.bias": torch.zeros(3)}), r"'mean.bias' has shape \(3,\)"),
        (lambda state: state["mean.bias"].fill_(np.nan), "NaN or infinite"),
    ],
)
def test_unfit_policy_is_refused_and_the_old_one_stays(policy, agent, change, message):
    before = policy.act(OBSERVATION, np.random.default_rng(0))
    state = agent.policy_state()
    change(state)
    with pytest.raises(PolicyError, match=message):
        policy.load(state)
    np.testing.assert_array_equal(policy.act(OBSERVATION, np.random.default_rng(0)), before)
