"""A point that learns to reach the centre from goal frames; the environment's reward is noise that nobody uses."""

import numpy as np
import pytest
import torch

from serl_rl.algorithms.sac import SacAgent, SacConfig
from serl_rl.algorithms.vice import Vice
from serl_rl.algorithms.vice_config import ViceConfig
from serl_rl.imitation.frames import FrameBank
from serl_rl.point_mass import PointMassEnv
from serl_rl.policy import Policy
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.mixture import BatchSampler
from serl_rl.replay.rows import RowBatch, RowKind
from serl_rl.spec import EnvironmentSpec

SAC = SacConfig(
    hidden_sizes=(64, 64),
    batch_size=64,
    critic_updates_per_actor_update=2,
    discount=0.9,
    target_update_rate=0.02,
    learning_rate=1e-3,
    initial_temperature=0.05,
    compile="off",
)
VICE = ViceConfig(enabled=True, batch_size=64, hidden_size=64, learning_rate=1e-3, gradient_penalty=0.1)


class Run:
    """Environment steps and updates in turn. Goals are frames; there is not one demonstrated action."""

    def __init__(self, seed, kind):
        self.env = PointMassEnv(ends=False)
        self.spec = EnvironmentSpec.from_spaces("point", self.env.observation_space, self.env.action_space)
        self.agent = SacAgent(self.spec, SAC, seed=seed)
        self.rng = np.random.default_rng(seed)
        config = ViceConfig(**{**vars(VICE), "reward": kind})
        self.vice = Vice(self.spec, config, None, seed=seed)
        angles, radii = self.rng.uniform(0, 2 * np.pi, 40), 0.08 * np.sqrt(self.rng.random(40))
        goals = np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1).astype(np.float32)
        self.vice.set_goals(
            FrameBank({"state": goals}, self.spec, None, crops=0, seed=seed, device=torch.device("cpu"))
        )
        self.policy = Policy(self.spec)
        self.buffer = ReplayBuffer(self.spec, 20_000)
        self.sampler = BatchSampler(self.buffer, None, batch_size=64, minibatches=2, seed=seed)
        self.episode = 0
        self.begin()

    def begin(self):
        self.observation, _ = self.env.reset(seed=None if self.episode else 7)
        self.episode, self.step_index = self.episode + 1, 0

    def explore(self):
        action = self.policy.act(self.observation, self.rng)
        following, _, _, truncated, _ = self.env.step(action)
        self.store(self.observation, action, RowKind.TRUNCATED if truncated else RowKind.STEP)
        self.observation = following
        if truncated:
            self.store(following, np.zeros(2, np.float32), RowKind.FINAL)
            self.begin()

    def store(self, observation, action, kind):
        self.buffer.append(
            RowBatch(
                observations={"state": observation["state"][None]},
                actions=action[None],
                rewards=self.rng.normal(0, 100, 1).astype(np.float32),
                episode_ids=np.array([self.episode]),
                step_indices=np.array([self.step_index], np.int32),
                row_kinds=np.array([kind], np.uint8),
                interventions=np.zeros(1, bool),
            )
        )
        self.step_index += 1

    def train(self, steps):
        for _ in range(100):
            self.explore()
        for _ in range(steps):
            batch, _ = self.vice.reward(self.sampler.sample(self.agent.update_count))
            self.agent.update(batch)
            self.policy.load(self.agent.policy_state())
            self.explore()

    def evaluate(self, episodes=50):
        """Share of deterministic episodes that end within 0.1 m of the centre, and the mean distance there, m."""
        distances = []
        for episode in range(episodes):
            observation, _ = self.env.reset(seed=10_000 + episode)
            truncated = False
            while not truncated:
                action = self.policy.act(observation, self.rng, deterministic=True)
                observation, _, _, truncated, _ = self.env.step(action)
            distances.append(np.linalg.norm(observation["state"]))
        return np.mean(np.array(distances) < 0.1), np.mean(distances)


def test_policy_learns_from_the_learned_reward_alone():
    run = Run(seed=0, kind="success")
    run.train(800)
    success, distance = run.evaluate()
    assert success >= 0.9, distance


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["success", "probability", "log-odds"])
def test_policy_learns_from_each_kind_of_learned_reward(seed, kind):
    run = Run(seed, kind)
    run.train(2000)
    success, distance = run.evaluate()
    assert success >= 0.9, distance
