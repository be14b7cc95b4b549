"""Agent, buffer, sampler and policy together: a point that learns to reach the centre from sparse rewards."""

import numpy as np
import pytest
import torch

from serl_rl.algorithms.sac.agent import SacAgent, SacConfig
from serl_rl.algorithms.sac.numpy_policy import NumpyPolicy
from serl_rl.protocol.spec import EnvironmentSpec
from serl_rl.replay.batch_sampler import BatchSampler
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.rows import RowBatch, RowKind
from serl_tasks.point_mass.environment import PointMassEnv


class Run:
    """One environment step, then one update; no demonstrations."""

    def __init__(self, config, seed):
        self.env = PointMassEnv()
        self.spec = EnvironmentSpec.from_spaces("point", self.env.observation_space, self.env.action_space)
        self.agent = SacAgent(self.spec, config, seed=seed)
        self.policy = NumpyPolicy(self.spec)
        self.rng = np.random.default_rng(seed)
        self.buffer = ReplayBuffer(self.spec, 20_000)
        self.sampler = BatchSampler(
            self.buffer,
            None,
            batch_size=config.batch_size,
            minibatches=config.critic_updates_per_actor_update,
            seed=seed,
        )
        self.observation, _ = self.env.reset(seed=seed)
        self.episode, self.step_index = 0, 0

    def explore(self):
        action = self.policy.act(self.observation, self.rng)
        following, reward, terminated, truncated, _ = self.env.step(action)
        kind = RowKind.TERMINATED if terminated else RowKind.TRUNCATED if truncated else RowKind.STEP
        self.store(self.observation, action, reward, kind)
        self.observation = following
        if terminated or truncated:
            self.store(following, np.zeros(2, np.float32), 0, RowKind.FINAL)
            self.observation, _ = self.env.reset()
            self.episode, self.step_index = self.episode + 1, 0

    def store(self, observation, action, reward, kind):
        self.buffer.append(
            RowBatch(
                observations={"state": observation["state"][None]},
                actions=action[None],
                rewards=np.array([reward], np.float32),
                episode_ids=np.array([self.episode]),
                step_indices=np.array([self.step_index], np.int32),
                row_kinds=np.array([kind], np.uint8),
                interventions=np.zeros(1, bool),
            )
        )
        self.step_index += 1

    def train(self, steps, *, warm_up=100):
        for _ in range(warm_up):
            self.explore()
        for _ in range(steps):
            self.agent.update(self.sampler.sample(self.agent.update_count))
            self.policy.load(self.agent.policy_state())
            self.explore()

    def evaluate(self, episodes=50):
        """Success ratio, and mean number of steps, of deterministic episodes."""
        env, successes, steps = PointMassEnv(), 0, 0
        for episode in range(episodes):
            observation, _ = env.reset(seed=10_000 + episode)
            done = False
            while not done:
                action = self.policy.act(observation, self.rng, deterministic=True)
                observation, reward, terminated, truncated, _ = env.step(action)
                done, steps, successes = terminated or truncated, steps + 1, successes + int(reward)
        return successes / episodes, steps / episodes


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_point_learns_with_any_seed_and_precision(seed, precision):
    torch.manual_seed(seed)
    config = SacConfig(
        hidden_sizes=(64, 64), batch_size=64, critic_count=4, target_critic_count=2, discount=0.9, precision=precision
    )
    run = Run(config, seed=seed)
    run.train(3000)
    success, steps = run.evaluate()
    assert success == 1
    assert steps < 6
