"""Grippers that choose: one whole update of the grasp critic against NumPy, and its traps by name."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from serl_rl.algorithms.sac.agent import SacAgent, SacConfig
from serl_rl.algorithms.sac.losses import grasp_target
from serl_rl.algorithms.sac.numpy_policy import NumpyPolicy
from serl_rl.algorithms.sac.vision_policy import VisionPolicy
from serl_rl.models.gripper_layout import GripperLayout
from serl_rl.models.vision.config import VisionConfig
from serl_rl.models.vision.encoder_config import BackboneConfig, EncoderConfig, HeadConfig
from serl_rl.protocol.spec import ArraySpec
from tests.support.rounding import kernel_bound

CONFIG = SacConfig(
    hidden_sizes=(16, 12),
    batch_size=8,
    critic_updates_per_actor_update=2,
    compile="off",
    precision="float32",
    grippers=1,
)
VISION = VisionConfig(
    encoder=EncoderConfig(backbone=BackboneConfig(name="small"), head=HeadConfig(embeddings=2, bottleneck=8)),
    proprioception_features=4,
)


@pytest.fixture(params=[(4, 1), (7, 1), (14, 2)], ids=["3+1", "6+1", "two arms"])
def size_and_grippers(request):
    return request.param


def make_agent(spec, seed=0, vision=None, **changes):
    return SacAgent(spec, dataclasses.replace(CONFIG, **changes), vision=vision, seed=seed)


def with_penalties(batch, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return dataclasses.replace(
        batch, grasp_penalties=-0.02 * torch.randint(0, 2, batch.rewards.shape, generator=generator).float()
    )


def arrays(part):
    return {name: value.detach().double().numpy().copy() for name, value in part.items()}


def grasp_values(p, x):
    """Hidden layer with normalisation and tanh, then two linear ones."""
    x = x @ p["mlp.layers.0.affine.weight"] + p["mlp.layers.0.affine.bias"]
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
    x = np.tanh(x * p["mlp.layers.0.scale"] + p["mlp.layers.0.offset"])
    return (x @ p["linear.weight"] + p["linear.bias"]) @ p["value.weight"] + p["value.bias"]


def chosen_index(action, grippers):
    if grippers == 1:
        return int(np.rint(action[-1])) + 1
    return 3 * (int(np.rint(action[6])) + 1) + int(np.rint(action[13])) + 1


@pytest.mark.trap
def test_update_of_the_grasp_critic_matches_numpy(make_spec, make_batch, size_and_grippers):
    size, grippers = size_and_grippers
    spec = make_spec(action_size=size)
    agent = make_agent(spec, grippers=grippers, learning_rate=1e-12, target_update_rate=1e-12)
    with torch.no_grad():
        for value in agent._grasp._own_target.values():
            value.add_(0.05 * torch.randn(value.shape, generator=torch.Generator().manual_seed(1)))
    online, target = arrays(agent._grasp._own), arrays(agent._grasp._own_target)
    assert online["value.weight"].shape == (12, 3**grippers)
    batch = with_penalties(make_batch(spec))
    losses = []
    for u in range(2):
        now, following = (
            x[u].double().numpy() for x in (batch.observations["state"], batch.next_observations["state"])
        )
        best = grasp_values(online, following).argmax(-1)
        value = grasp_values(target, following)[np.arange(8), best]
        reward = batch.rewards[u].numpy() + batch.grasp_penalties[u].numpy()
        goal = reward + 0.96 * (1 - batch.terminated[u].numpy()) * value
        index = [chosen_index(action, grippers) for action in batch.actions[u].numpy()]
        losses.append(((grasp_values(online, now)[np.arange(8), index] - goal) ** 2).mean())
    assert agent.update(batch)["grasp_loss"].item() == pytest.approx(np.mean(losses), rel=1e-5)


@pytest.mark.trap
def test_double_q_learning_chooses_online_and_evaluates_with_the_target():
    online = torch.tensor([[1.0, 5.0, 2.0], [0.0, -1.0, -2.0]])
    target = torch.tensor([[10.0, 20.0, 30.0], [7.0, 8.0, 9.0]])
    found = grasp_target(torch.tensor([1.0, 1.0]), torch.tensor([0.0, 1.0]), online, target, 0.5)
    assert found.tolist() == [11.0, 1.0]
    assert grasp_target(torch.ones(2), torch.zeros(2), online, target, 0.5, 2.0).tolist() == [2.0, 2.0]


@pytest.mark.trap
@pytest.mark.parametrize("updates", [1, 2, 5])
def test_gripper_penalty_reaches_the_grasp_critic_at_every_update_to_data_ratio(make_spec, make_batch, updates):
    # A rival drops it in the last critic update of each round: always with one, every second time with two.
    spec = make_spec(action_size=4)
    agents = [make_agent(spec, critic_updates_per_actor_update=updates) for _ in range(2)]
    batch = make_batch(spec, updates=updates)
    for index in range(updates):
        penalties = torch.zeros_like(batch.grasp_penalties)
        penalties[index] = -1.0
        states = []
        for agent, cost in zip(agents, (torch.zeros_like(penalties), penalties), strict=True):
            fresh = SacAgent(spec, agent.config, seed=0)
            fresh.update(dataclasses.replace(batch, grasp_penalties=cost))
            states.append(fresh.state_dict())
        free, paid = states
        assert not torch.equal(free["grasp.value.weight"], paid["grasp.value.weight"]), index
        assert torch.equal(free["critic.value.weight"], paid["critic.value.weight"])  # The arm never pays.


@pytest.mark.trap
def test_critics_of_the_arm_never_see_the_gripper(make_spec, make_batch):
    spec = make_spec(action_size=4)
    batch = make_batch(spec)
    other = dataclasses.replace(batch, actions=batch.actions.clone())
    other.actions[..., -1] = 0.99
    states = []
    for one in (batch, other):
        agent = make_agent(spec)
        agent.update(one)
        states.append(agent.state_dict())
    for name in ("critic.value.weight", "policy.mean.weight"):
        assert torch.equal(states[0][name], states[1][name])
    assert states[0]["policy.mean.weight"].shape[1] == 3


@pytest.mark.trap
@pytest.mark.parametrize(("size", "grippers", "entropy"), [(7, 1, -3.5), (14, 2, -7.0)])
def test_target_entropy_counts_the_grippers_as_upstream(make_spec, size, grippers, entropy):
    assert make_agent(make_spec(action_size=size), grippers=grippers).target_entropy == entropy


def test_every_grasp_target_follows_at_each_critic_update(make_spec, make_batch):
    agent = make_agent(make_spec(action_size=4), critic_updates_per_actor_update=1, target_update_rate=0.25)
    before = arrays(agent._grasp._own_target)
    agent.update(with_penalties(make_batch(agent.spec, updates=1)))
    own, target = arrays(agent._grasp._own), arrays(agent._grasp._own_target)
    for name, value in target.items():
        np.testing.assert_allclose(value, 0.75 * before[name] + 0.25 * own[name], atol=1e-6)
        assert (own[name] != before[name]).any(), name


@pytest.mark.trap
def test_joint_clock_counts_for_the_grasp_critic_too(make_spec, make_batch):
    agent = make_agent(make_spec(action_size=4), adam_clock="joint")
    agent.update(make_batch(agent.spec))
    assert int(agent.state_dict()["grasp_adam.step_count"]) == 3


def image_spec(make_spec):
    spec = make_spec(action_size=4)
    image = ArraySpec(name="wrist", dtype=np.dtype(np.uint8), shape=(48, 48, 3))
    return dataclasses.replace(spec, observation=(*spec.observation, image))


def image_batch(make_batch, spec):
    batch = make_batch(dataclasses.replace(spec, observation=spec.observation[:1]))
    pictures = torch.randint(
        0, 256, (2, 2, 8, 48, 48, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    return dataclasses.replace(
        batch,
        observations=batch.observations | {"wrist": pictures[0]},
        next_observations=batch.next_observations | {"wrist": pictures[1]},
    )


def test_grasp_critic_shares_perception_and_its_target_that_of_the_target(make_spec, make_batch):
    agent = make_agent(image_spec(make_spec), vision=VISION)
    critic, target = agent.networks.critic_arrays, agent.networks.target_arrays
    shared = [name for name in agent._grasp._arrays if name.startswith("perception.")]
    assert len(shared) == len([name for name in critic if name.startswith("perception.")])
    for name in shared:
        assert agent._grasp._arrays[name].data_ptr() == critic[name].data_ptr()
        assert agent._grasp._target_arrays[name].data_ptr() == target[name].data_ptr()


def test_grasp_loss_trains_what_perceives(make_spec, make_batch):
    spec = image_spec(make_spec)
    states = []
    for cost in (0.0, -5.0):
        agent = make_agent(spec, vision=VISION)
        batch = image_batch(make_batch, spec)
        agent.update(dataclasses.replace(batch, grasp_penalties=torch.full_like(batch.rewards, cost)))
        states.append(agent.state_dict())
    name = "critic.perception.images.heads.0.pooling.kernel"
    assert not torch.equal(states[0][name], states[1][name])


@pytest.mark.trap
def test_resumed_hybrid_run_equals_one_that_never_stopped(make_spec, make_batch):
    spec = make_spec(action_size=4)
    whole = make_agent(spec)
    whole.update(with_penalties(make_batch(spec, seed=0)))
    resumed = make_agent(spec, seed=9)
    resumed.load_state_dict(whole.state_dict())
    for agent in (whole, resumed):
        agent.update(with_penalties(make_batch(spec, seed=1)))
    one, two = whole.state_dict(), resumed.state_dict()
    assert set(one) == set(two)
    assert all(torch.equal(one[name], two[name]) for name in one)


def assert_is_mode(arm, agent, seen):
    def mode():
        return torch.tanh(agent.networks.policy(seen)[0]).detach()[0]

    np.testing.assert_allclose(arm, mode(), rtol=0, atol=kernel_bound(mode))


def test_action_of_the_actor_is_the_arm_s_mode_and_the_best_choice(make_spec, size_and_grippers):
    size, grippers = size_and_grippers
    spec = make_spec(action_size=size)
    agent = make_agent(spec, grippers=grippers)
    policy = NumpyPolicy(spec, grippers)
    policy.load(agent.policy_state())
    choices = set()
    for seed in range(30):
        state = 3 * np.random.default_rng(seed).normal(size=3).astype(np.float32)
        action = policy.act({"state": state}, np.random.default_rng(0), deterministic=True)
        tensor = torch.from_numpy(state)[None]
        best = int(agent._grasp.critic(tensor).argmax())
        layout = GripperLayout(size, grippers)
        assert int(layout.choices(torch.from_numpy(action))) == best
        assert_is_mode(layout.arm(torch.from_numpy(action)), agent, tensor)
        choices.add(best)
    assert len(choices) > 1


def test_actor_that_sees_chooses_as_the_agent(make_spec):
    spec = image_spec(make_spec)
    agent = make_agent(spec, vision=VISION)
    policy = VisionPolicy(spec, VISION, CONFIG.hidden_sizes, 1)
    policy.load(agent.policy_state())
    for seed in range(5):
        rng = np.random.default_rng(seed)
        observation = {
            "state": rng.normal(size=3).astype(np.float32),
            "wrist": rng.integers(0, 256, (48, 48, 3), np.uint8),
        }
        action = policy.act(observation, rng, deterministic=True)
        preprocessor = (
            torch.from_numpy(observation["state"])[None],
            agent.preprocessor({"wrist": torch.from_numpy(observation["wrist"])[None]}),
        )
        assert action[-1] == int(agent._grasp.critic(preprocessor).argmax()) - 1
        assert_is_mode(action[:3], agent, preprocessor)


@given(st.sampled_from([(4, 1), (7, 1), (14, 2), (8, 2)]), st.integers(0, 8), st.integers(0, 2**31))
def test_composing_is_the_inverse_of_taking_apart(sizes, choice, seed):
    layout = GripperLayout(*sizes)
    choice %= layout.choice_count
    arm = np.random.default_rng(seed).uniform(-1, 1, layout.arm_size).astype(np.float32)
    action = torch.from_numpy(layout.compose(arm, choice))
    assert action.shape == (sizes[0],)
    assert action.dtype == torch.float32
    np.testing.assert_array_equal(layout.arm(action), arm)
    assert int(layout.choices(action)) == choice


@pytest.mark.trap
def test_pressed_button_that_was_recorded_as_a_fraction_is_rounded_not_cut_off():
    actions = torch.tensor([[0.0, 0.9], [0.0, -0.93], [0.0, 0.4], [0.0, 1.0]])
    assert GripperLayout(2, 1).choices(actions).tolist() == [2, 0, 1, 2]


@pytest.mark.trap
def test_two_arms_choose_jointly_the_first_one_weighs_three():
    layout = GripperLayout(14, 2)
    actions = torch.zeros(9, 14)
    for index, (left, right) in enumerate((a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)):
        actions[index, 6], actions[index, 13] = left, right
    assert layout.choices(actions).tolist() == list(range(9))


@pytest.mark.parametrize(("size", "grippers"), [(1, 1), (7, 2), (2, 2)])
def test_action_without_room_for_grippers_is_refused(size, grippers):
    with pytest.raises(ValueError, match=f"an action of {size} components"):
        GripperLayout(size, grippers)
