"""The critics of a checkpoint say what the agent's own say."""

import dataclasses

import numpy as np
import pytest
import torch

from serl_rl.artifacts import checkpoint as checkpoints
from serl_rl.errors import CheckpointError
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec
from serl_rl.visualization.saved_critic import NewestCritic, load_critic
from tests.support.rounding import kernel_bound

ACTION = np.array([0.3, -0.2, 0.9, 1.0], np.float32)


def observation(seed=0):
    rng = np.random.default_rng(seed)
    return {"state": rng.normal(size=3).astype(np.float32), "wrist": rng.integers(0, 256, (48, 48, 3), np.uint8)}


def flat_spec(spec):
    return EnvironmentSpec(environment=spec.environment, observation=spec.observation[:1], action=spec.action)


def sight_of(agent, *frames):
    """What the agent's networks read of an episode's newest frames."""
    newest = frames[-1]
    state = torch.from_numpy(newest["state"])[None]
    if agent.preprocessor is None:
        return state
    images = torch.from_numpy(np.stack([frame["wrist"] for frame in frames]))
    return state, agent.preprocessor({"wrist": images[None] if len(frames) > 1 else images})


def assert_values(found, agent, *frames, action=ACTION):
    def expected():
        return agent.networks.critic(sight_of(agent, *frames), torch.from_numpy(action)[None])[:, 0].detach()

    np.testing.assert_allclose(found, expected(), rtol=0, atol=kernel_bound(expected))


def test_values_of_a_state_are_those_of_the_agent(make_config, save, look_spec, tmp_path):
    spec = flat_spec(look_spec)
    agent = save(tmp_path / "0000000001", make_config(), spec, seed=5)
    critic = load_critic(tmp_path / "0000000001")
    found = critic.values(observation(), ACTION)
    assert_values(found.arm, agent, observation())
    assert found.arm.shape == (3,)
    assert found.grasp is None
    assert found.mean == pytest.approx(found.arm.mean())
    assert found.spread == pytest.approx(np.std(found.arm))


def test_values_of_pixels_are_those_of_the_agent(make_config, save, look_spec, tmp_path):
    agent = save(tmp_path / "1", make_config(), look_spec, seed=5)
    found = load_critic(tmp_path / "1").values(observation(), ACTION)
    assert_values(found.arm, agent, observation())


def test_stacked_frames_are_those_of_the_episode(make_config, save, look_spec, tmp_path):
    config = make_config()
    config = dataclasses.replace(config, vision=dataclasses.replace(config.vision, frame_stack=2))
    agent = save(tmp_path / "1", config, look_spec)
    critic = load_critic(tmp_path / "1")
    for _ in range(2):  # The second episode knows nothing of the first.
        critic.begin_episode()
        frames = [observation(0), observation(1)]
        critic.values(frames[0], ACTION)
        found = critic.values(frames[1], ACTION)
        assert_values(found.arm, agent, *frames)


@pytest.mark.parametrize("sees", [False, True])
def test_the_gripper_s_choice_has_a_value_of_its_own(make_config, save, look_spec, tmp_path, sees):
    spec = look_spec if sees else flat_spec(look_spec)
    agent = save(tmp_path / "1", make_config(grippers=1), spec)
    critic = load_critic(tmp_path / "1")

    def grasp():
        return agent._grasp.critic(sight_of(agent, observation()))[0].detach()

    values, bound = grasp(), kernel_bound(grasp)
    for choice in (-1, 0, 1):
        found = critic.values(observation(), np.append(ACTION[:3], np.float32(choice)))
        assert found.grasp == pytest.approx(float(values[choice + 1]), rel=0, abs=bound)
        assert_values(found.arm, agent, observation(), action=ACTION[:3])


def test_a_checkpoint_without_critics_has_none(make_config, save, look_spec, tmp_path):
    agent = save(tmp_path / "1", make_config(), flat_spec(look_spec))
    manifest = checkpoints.read_manifest(tmp_path / "1")
    cloned = {f"/policy.{name}": value for name, value in agent.policy_state().items()}
    checkpoints.save(checkpoints.Checkpoint(manifest, cloned, agent.policy_state()), tmp_path / "2")
    assert load_critic(tmp_path / "2") is None


def test_critics_of_another_size_are_refused(make_config, save, look_spec, tmp_path):
    agent = save(tmp_path / "1", make_config(), flat_spec(look_spec))
    manifest = checkpoints.read_manifest(tmp_path / "1")
    manifest["config"]["sac"]["hidden_sizes"] = [16, 8]
    tensors, _ = checkpoints.flatten(agent.state_dict())
    checkpoints.save(checkpoints.Checkpoint(manifest, tensors, agent.policy_state()), tmp_path / "2")
    with pytest.raises(CheckpointError, match=r"do not fit its settings: see array 'mlp\.layers\.1"):
        load_critic(tmp_path / "2")


def test_the_newest_critics_of_a_run_are_asked(make_config, save, look_spec, tmp_path):
    spec = flat_spec(look_spec)
    newest = NewestCritic(tmp_path)
    newest.begin_episode()
    assert newest.values(observation(), ACTION) is None  # No checkpoint yet.
    save(tmp_path / "checkpoints" / "0000000001", make_config(), spec, seed=1)
    assert newest.values(observation(), ACTION) is None  # Only between two episodes.
    newest.begin_episode()
    first = newest.values(observation(), ACTION)
    agent = save(tmp_path / "checkpoints" / "0000000002", make_config(), spec, seed=2)
    np.testing.assert_array_equal(newest.values(observation(), ACTION).arm, first.arm)
    newest.begin_episode()
    second = newest.values(observation(), ACTION)
    assert_values(second.arm, agent, observation())
    assert not np.allclose(first.arm, second.arm)


def test_the_order_of_several_vectors_is_the_spec_s(make_config, save, tmp_path):
    vectors = tuple(ArraySpec(name=name, dtype=np.dtype(np.float32), shape=(2,)) for name in ("b", "a"))
    action = ArraySpec(name="action", dtype=np.dtype(np.float32), shape=(4,))
    agent = save(tmp_path / "1", make_config(), EnvironmentSpec(environment="t", observation=vectors, action=action))
    seen = {"a": np.array([1, 2], np.float32), "b": np.array([3, 4], np.float32)}
    found = load_critic(tmp_path / "1").values(seen, ACTION)

    def expected():
        observations = torch.tensor([[3.0, 4.0, 1.0, 2.0]])
        return agent.networks.critic(observations, torch.from_numpy(ACTION)[None])[:, 0].detach()

    np.testing.assert_allclose(found.arm, expected(), rtol=0, atol=kernel_bound(expected))
