import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from serl_client.wrappers import Chunking


class CountingEnv(gymnasium.Env):
    """Observes the number of steps, pays it as reward, ends after five."""

    observation_space = spaces.Dict({"count": spaces.Box(0, 100, (1,), np.float64)})
    action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)

    def __init__(self):
        self.actions = []

    def reset(self, *, seed=None, options=None):
        self.actions.clear()
        return {"count": np.zeros(1)}, {}

    def step(self, action):
        self.actions.append(np.array(action))
        count = len(self.actions)
        return {"count": np.full(1, float(count))}, float(count), count == 5, False, {"count": count}


def test_rewards_of_a_chunk_are_summed():
    env = Chunking(CountingEnv(), action_horizon=3)
    env.reset()
    _, reward, terminated, _, info = env.step(np.zeros((3, 2), np.float32))
    assert reward == 1 + 2 + 3
    assert (terminated, info["executed_steps"]) == (False, 3)


def test_a_chunk_ends_with_the_episode():
    env = Chunking(CountingEnv(), action_horizon=3)
    env.reset()
    env.step(np.zeros((3, 2), np.float32))
    _, reward, terminated, _, info = env.step(np.zeros((3, 2), np.float32))
    assert (reward, terminated, info["executed_steps"]) == (4 + 5, True, 2)


def test_actions_are_executed_in_order():
    inner = CountingEnv()
    env = Chunking(inner, action_horizon=2)
    env.reset()
    env.step(np.array([[0.1, 0.2], [0.3, 0.4]], np.float32))
    np.testing.assert_allclose(inner.actions, [[0.1, 0.2], [0.3, 0.4]], rtol=1e-6)


def test_history_begins_with_the_first_observation_and_slides():
    env = Chunking(CountingEnv(), observation_horizon=3)
    observation, _ = env.reset()
    assert observation["count"].ravel().tolist() == [0, 0, 0]
    seen = [env.step(np.zeros(2))[0]["count"].ravel().tolist() for _ in range(4)]
    assert seen == [[0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 4]]
    observation, _ = env.reset()
    assert observation["count"].ravel().tolist() == [0, 0, 0]


def test_spaces_grow_with_the_horizons():
    env = Chunking(CountingEnv(), observation_horizon=2, action_horizon=4)
    assert env.observation_space["count"].shape == (2, 1)
    assert env.action_space.shape == (4, 2)
    assert Chunking(CountingEnv()).action_space.shape == (2,)


def test_a_wrong_chunk_or_horizon_is_named():
    env = Chunking(CountingEnv(), action_horizon=3)
    env.reset()
    with pytest.raises(ValueError, match=r"\(3, 2\)"):
        env.step(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="at least 1"):
        Chunking(CountingEnv(), observation_horizon=0)
