"""Trains soft actor-critic as a library: agent, replay and environment in one loop, without a command line."""

from types import SimpleNamespace

import numpy as np
import torch

from serl_rl.algorithms.sac.agent import SacAgent
from serl_rl.algorithms.sac.config import SacConfig
from serl_rl.algorithms.sac.numpy_policy import NumpyPolicy
from serl_rl.envs.config import EnvironmentConfig
from serl_rl.envs.evaluation import evaluate
from serl_rl.envs.factory import make_environment, spec_of
from serl_rl.replay.batch_sampler import BatchSampler
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.rows import rows_from_episode

torch.set_num_threads(1)  # Networks this small are slower with more.
task = EnvironmentConfig(id="serl/PointMass-v0")
env = make_environment(task)
spec = spec_of(env, task)
config = SacConfig(
    hidden_sizes=(64, 64),
    batch_size=64,
    discount=0.9,
    learning_rate=1e-3,
    target_update_rate=0.02,
    critic_updates_per_actor_update=2,
    compile="off",
)
agent, policy, replay = SacAgent(spec, config), NumpyPolicy(spec), ReplayBuffer(spec, capacity=20_000)
updates = config.critic_updates_per_actor_update
sampler = BatchSampler(replay, None, batch_size=config.batch_size, minibatches=updates, seed=0)
rng = np.random.default_rng(0)

for number in range(60):
    seen, actions, rewards, terminated, truncated = [env.reset(seed=number)[0]["state"]], [], [], False, False
    while not (terminated or truncated):
        actions.append(policy.act({"state": seen[-1]}, rng))
        observation, reward, terminated, truncated, _ = env.step(actions[-1])
        seen.append(observation["state"])
        rewards.append(reward)
    episode = SimpleNamespace(
        observations={"state": np.array(seen)},
        actions=np.array(actions),
        rewards=np.array(rewards),
        terminated=terminated,
        truncated=truncated,
        interventions=np.zeros(len(actions), bool),
        grasp_penalties=None,
    )
    replay.append(rows_from_episode(episode, number))
    for _ in actions:
        agent.update(sampler.sample(agent.update_count))
    policy.load(agent.policy_state())

result = evaluate(env, policy, episode_count=10, seed=1000)
print(f"{result.success_count} of {result.episode_count} episodes reached the centre")
