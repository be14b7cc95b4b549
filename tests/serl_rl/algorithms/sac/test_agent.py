"""One whole update against NumPy, and what an agent promises: determinism, resuming, refusing."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from serl_rl.algorithms.sac.agent import SacAgent, SacConfig
from serl_rl.protocol.spec import ArraySpec, SpecError

CONFIG = SacConfig(hidden_sizes=(16, 16), batch_size=8, critic_updates_per_actor_update=2, compile="off")


def make_agent(spec, seed=0, **changes):
    return SacAgent(spec, dataclasses.replace(CONFIG, **changes), seed=seed)


def arrays(module):
    return {name: value.detach().double().numpy().copy() for name, value in module.named_parameters()}


def mlp(x, p):
    for index in range(2):
        prefix = f"mlp.layers.{index}."
        x = x @ p[prefix + "affine.weight"] + p[prefix + "affine.bias"]
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
        x = np.tanh(x * p[prefix + "scale"] + p[prefix + "offset"])
    return x


def q_values(p, observations, actions):
    features = mlp(np.concatenate([observations, actions], -1)[None], p)
    return (features @ p["value.weight"] + p["value.bias"])[..., 0]


def act(p, observations, noise):
    features = mlp(observations, p)
    mean = features @ p["mean.weight"] + p["mean.bias"]
    std = np.clip(np.exp(features @ p["log_std.weight"] + p["log_std.bias"]), 1e-5, 5)
    raw = mean + std * noise
    density = np.exp(-0.5 * ((raw - mean) / std) ** 2) / (std * np.sqrt(2 * np.pi)) / (1 - np.tanh(raw) ** 2)
    return np.tanh(raw), np.log(density).sum(-1)


def draw(agent, updates, count, action_size, actor_count):
    """Repeats the agent's draws: noise of next actions, members of each target, noise of the policy's update."""
    generator = torch.Generator()
    generator.set_state(agent.state_dict()["generator"])
    next_noise = torch.randn(updates, count, action_size, generator=generator).double().numpy()
    targets = agent.config.target_critic_count
    members = [slice(None)] * updates
    if targets:
        members = torch.randint(agent.config.critic_count, (updates, targets), generator=generator).numpy()
    return next_noise, members, torch.randn(actor_count, action_size, generator=generator).double().numpy()


@pytest.mark.trap
@pytest.mark.parametrize("backup_entropy", [False, True])
@pytest.mark.parametrize(("critics", "targets"), [(2, None), (5, 2)])
@pytest.mark.parametrize("actor_batch", ["last", "all"])
def test_update_matches_numpy(spec, make_batch, critics, targets, backup_entropy, actor_batch):
    # With a step size of almost zero, all minibatches meet the same networks.
    agent = make_agent(
        spec,
        critic_count=critics,
        target_critic_count=targets,
        backup_entropy=backup_entropy,
        actor_batch=actor_batch,
        initial_temperature=0.3,
        learning_rate=1e-12,
    )
    batch = make_batch(spec)
    everything = actor_batch == "all"
    next_noise, members, noise = draw(agent, 2, 8, 2, 16 if everything else 8)
    networks = agent.networks
    critic, target_critic, policy = (arrays(m) for m in (networks.critic, networks.target_critic, networks.policy))
    states, following, actions = (
        x.double().numpy() for x in (batch.observations["state"], batch.next_observations["state"], batch.actions)
    )
    losses, next_log_probabilities = [], []
    for u in range(2):
        next_actions, log_probability = act(policy, following[u], next_noise[u])
        value = q_values(target_critic, following[u], next_actions)[members[u]].min(0)
        value = value - 0.3 * log_probability if backup_entropy else value
        target = batch.rewards[u].numpy() + 0.96 * (1 - batch.terminated[u].numpy()) * value
        losses.append(((q_values(critic, states[u], actions[u]) - target) ** 2).mean())
        next_log_probabilities.append(log_probability)
    metrics = {name: value.item() for name, value in agent.update(batch).items()}
    assert metrics["critic_loss"] == pytest.approx(np.mean(losses), rel=1e-4)
    chosen = states.reshape(16, 3) if everything else states[1]
    new_actions, log_probability = act(policy, chosen, noise)
    expected = (0.3 * log_probability - q_values(critic, chosen, new_actions).mean(0)).mean()
    assert metrics["actor_loss"] == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert metrics["entropy"] == pytest.approx(-log_probability.mean(), rel=1e-4, abs=1e-5)
    entropy = -np.mean(next_log_probabilities if everything else next_log_probabilities[1])
    assert metrics["temperature_loss"] == pytest.approx(0.3 * (entropy - -1.0), rel=1e-4, abs=1e-5)
    assert metrics["temperature"] == pytest.approx(0.3)


def test_target_follows_the_whole_critic(spec, make_batch):
    agent = make_agent(spec, critic_updates_per_actor_update=1, target_update_rate=0.25)
    before = arrays(agent.networks.target_critic)
    agent.update(make_batch(spec, updates=1))
    critic, target = arrays(agent.networks.critic), arrays(agent.networks.target_critic)
    assert set(target) == set(critic)
    for name, value in target.items():
        assert (critic[name] != before[name]).any(), name
        np.testing.assert_allclose(value, 0.75 * before[name] + 0.25 * critic[name], atol=1e-6)


def record_gradients(monkeypatch, adam):
    recorded = []
    original = adam.step

    def step(gradients):
        recorded.append([gradient.double().numpy().copy() for gradient in gradients])
        original(gradients)

    monkeypatch.setattr(adam, "step", step)
    return recorded


@pytest.mark.trap
@pytest.mark.parametrize(("clock", "pattern"), [("separate", "gg"), ("joint", "00g00g")])
def test_policy_steps_follow_the_chosen_clock(spec, make_batch, monkeypatch, clock, pattern):
    agent = make_agent(spec, adam_clock=clock)
    name = "mean.weight"
    index = list(arrays(agent.networks.policy)).index(name)
    x = arrays(agent.networks.policy)[name]
    recorded = record_gradients(monkeypatch, agent._adam["policy"])
    for seed in range(2):
        agent.update(make_batch(spec, seed=seed))
    assert "".join("g" if gradients[index].any() else "0" for gradients in recorded) == pattern
    m = v = np.zeros_like(x)
    for count, gradients in enumerate(recorded, start=1):
        g = gradients[index]
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        x = x - 3e-4 * (m / (1 - 0.9**count)) / (np.sqrt(v / (1 - 0.999**count)) + 1e-8)
    np.testing.assert_allclose(arrays(agent.networks.policy)[name], x, atol=1e-6)


@pytest.mark.trap
@pytest.mark.parametrize(("clock", "critic", "others"), [("separate", 6, 3), ("joint", 9, 9)])
def test_joint_clock_counts_every_step_for_every_network(spec, make_batch, clock, critic, others):
    agent = make_agent(spec, adam_clock=clock)
    for seed in range(3):
        agent.update(make_batch(spec, seed=seed))
    state = agent.state_dict()
    counts = [int(state[f"{part}_adam.step_count"]) for part in ("critic", "policy", "temperature")]
    assert counts == [critic, others, others]
    assert (agent.critic_update_count, agent.update_count) == (6, 3)


def test_policy_update_leaves_the_critics_alone(spec, make_batch):
    agent = make_agent(spec)
    agent.update(make_batch(spec))
    before = arrays(agent.networks.critic)
    agent._update_policy(torch.zeros(8, 3), torch.zeros(1, 8))
    for name, value in arrays(agent.networks.critic).items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.trap
def test_resumed_run_equals_one_that_never_stopped(spec, make_batch):
    whole = make_agent(spec, critic_count=5, target_critic_count=2, adam_clock="joint", warm_up_steps=8)
    for seed in range(5):
        whole.update(make_batch(spec, seed=seed))
    saved = whole.state_dict()
    resumed = SacAgent(spec, whole.config, seed=99)
    for seed in range(5, 10):
        whole.update(make_batch(spec, seed=seed))
    resumed.load_state_dict(saved)
    for seed in range(5, 10):
        resumed.update(make_batch(spec, seed=seed))
    one, two = whole.state_dict(), resumed.state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert set(one) == set(two)


def test_saved_state_is_a_copy(spec, make_batch):
    agent = make_agent(spec)
    saved = agent.state_dict()
    kept = {name: value.clone() for name, value in saved.items()}
    policy = agent.policy_state()
    kept_policy = {name: value.clone() for name, value in policy.items()}
    agent.update(make_batch(spec))
    assert all(torch.equal(saved[name], kept[name]) for name in kept)
    assert all(torch.equal(policy[name], kept_policy[name]) for name in kept_policy)


def test_equal_seeds_learn_equally_and_others_do_not(spec, make_batch):
    one, two, three = (make_agent(spec, seed=seed) for seed in (1, 1, 2))
    for agent in (one, two, three):
        agent.update(make_batch(spec))
    same = one.state_dict(), two.state_dict()
    assert all(torch.equal(same[0][name], same[1][name]) for name in same[0])
    assert not torch.equal(one.state_dict()["policy.mean.weight"], three.state_dict()["policy.mean.weight"])


def test_policy_state_is_the_policy_alone(spec):
    agent = make_agent(spec)
    assert set(agent.policy_state()) == set(arrays(agent.networks.policy))


def test_prepare_changes_nothing(spec):
    for changes in ({}, {"critic_count": 5, "target_critic_count": 2, "backup_entropy": True, "actor_batch": "all"}):
        agent = make_agent(spec, **changes)
        before = agent.state_dict()
        agent.prepare()
        assert all(torch.equal(value, before[name]) for name, value in agent.state_dict().items())


class HostReads(TorchDispatchMode):
    """Counts every number that is brought to the host, which on a GPU waits for it."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default)
        return func(*args, **(kwargs or {}))


def test_update_never_waits_for_the_device(spec, make_batch):
    agent = make_agent(
        spec, critic_count=5, target_critic_count=2, adam_clock="joint", backup_entropy=True, warm_up_steps=3
    )
    batch = make_batch(spec)
    with HostReads() as reads:
        metrics = agent.update(batch)
        assert reads.count == 0
        metrics["critic_loss"].item()
        assert reads.count == 1


def test_values_approach_the_return(spec, make_batch):
    agent = make_agent(
        spec,
        critic_count=1,
        critic_updates_per_actor_update=8,
        learning_rate=3e-3,
        target_update_rate=0.1,
        discount=0.5,
    )
    batch = make_batch(spec, updates=8)
    batch = dataclasses.replace(
        batch, rewards=torch.ones_like(batch.rewards), terminated=torch.zeros_like(batch.terminated)
    )
    for _ in range(120):
        metrics = agent.update(batch)
    assert metrics["q_mean"].item() == pytest.approx(2.0, abs=0.05)


def test_wrong_batch_is_refused(spec, make_batch):
    with pytest.raises(ValueError, match="3 minibatches of 8 transitions; this agent needs 2 of 8"):
        make_agent(spec).update(make_batch(spec, updates=3))


def test_images_are_refused(spec):
    image = ArraySpec(name="wrist", dtype=np.dtype(np.uint8), shape=(4, 4, 3))
    with pytest.raises(SpecError, match=r"\['wrist'\], which are no flat vectors"):
        make_agent(dataclasses.replace(spec, observation=(*spec.observation, image)))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("discount", 1.1),
        ("target_update_rate", 0.0),
        ("batch_size", 0),
        ("critic_count", 0),
        ("hidden_sizes", ()),
        ("learning_rate", -1.0),
        ("initial_temperature", 0.0),
        ("warm_up_steps", -1),
        ("target_critic_count", 0),
    ],
)
def test_impossible_settings_are_refused_with_their_value(setting, value):
    with pytest.raises(ValueError, match=f"{setting} is .*must be"):
        dataclasses.replace(CONFIG, **{setting: value})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("counts"), "'counts' is missing"),
        (lambda state: state.update(extra=torch.zeros(1)), "'extra' is unknown"),
        (lambda state: state.update({"policy.mean.bias": torch.zeros(3)}), r"has shape \(3,\) in the state but \(2,\)"),
    ],
)
def test_state_of_another_agent_is_refused(spec, change, message):
    agent = make_agent(spec)
    state = agent.state_dict()
    change(state)
    with pytest.raises(ValueError, match=message):
        agent.load_state_dict(state)
