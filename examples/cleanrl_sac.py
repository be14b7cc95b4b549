"""Learns to lift a cube with soft actor-critic in one file, in CleanRL's manner: torch and gymnasium alone.

pip install 'serl-robot[simulator]' torch
python examples/cleanrl_sac.py --total-steps 20000

Seed 0 lifted the cube in 10 of the last 10 training episodes at step 5400, in some 10 minutes on one busy core.
"""

import argparse
import itertools
import time
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.spaces.utils import flatdim
from gymnasium.wrappers import FlattenObservation
from torch import Tensor, nn
from torch.nn import functional

import serl_client


def parse() -> argparse.Namespace:
    """Options, with values that learn pick-cube."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env-id", default="serl/PickCube-v0")
    parser.add_argument("--reward", default="dense")
    parser.add_argument("--address", help="daemon to drive; left out: a private simulator")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--total-steps", type=int, default=20_000, help="environment steps")
    parser.add_argument("--learning-starts", type=int, default=500, help="random steps at the start")
    parser.add_argument("--critic-updates", type=int, default=4, help="critic updates a step; the policy has one")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--gamma", type=float, default=0.96)
    parser.add_argument("--tau", type=float, default=0.005)
    parser.add_argument("--temperature", type=float, default=0.01, help="of the entropy, at the start")
    parser.add_argument("--episodes", type=int, default=20, help="episodes of the evaluation")
    return parser.parse_args()


def mlp(inputs: int, outputs: int) -> nn.Sequential:
    """Two hidden layers of 256, normalised, so that several updates a step do not make critics diverge."""
    sizes = (inputs, 256, 256)
    hidden = [(nn.Linear(size, width), nn.LayerNorm(width), nn.Tanh()) for size, width in itertools.pairwise(sizes)]
    return nn.Sequential(*itertools.chain.from_iterable(hidden), nn.Linear(256, outputs))


class Actor(nn.Module):
    """Squashed Gaussian; actions of the environments lie in [-1, 1]."""

    def __init__(self, observation_size: int, action_size: int) -> None:
        super().__init__()
        self.net = mlp(observation_size, 2 * action_size)

    def forward(self, observation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Samples actions, with their log-density, and gives the most likely ones."""
        mean, log_std = self.net(observation).chunk(2, dim=-1)
        gaussian = torch.distributions.Normal(mean, log_std.clamp(-5.0, 2.0).exp())
        raw = gaussian.rsample()
        correction = 2.0 * (np.log(2.0) - raw - functional.softplus(-2.0 * raw))  # log(1 - tanh(raw)^2), stable.
        return torch.tanh(raw), (gaussian.log_prob(raw) - correction).sum(-1), torch.tanh(mean)


class Critics(nn.Module):
    """Two values of an action."""

    def __init__(self, observation_size: int, action_size: int) -> None:
        super().__init__()
        self.nets = nn.ModuleList(mlp(observation_size + action_size, 1) for _ in range(2))

    def forward(self, observation: Tensor, action: Tensor) -> Tensor:
        """Values, shape (2, batch)."""
        both = torch.cat((observation, action), dim=-1)
        return torch.stack([net(both).squeeze(-1) for net in self.nets])


class Replay:
    """Every transition of the run, drawn uniformly."""

    def __init__(self, capacity: int, observation_size: int, action_size: int) -> None:
        sizes = (observation_size, action_size, 1, observation_size, 1)
        self.columns = [torch.zeros(capacity, size) for size in sizes]
        self.size = 0

    def add(self, *row: Any) -> None:  # noqa: ANN401
        """Appends observation, action, reward, next observation, terminated."""
        for column, value in zip(self.columns, row, strict=True):
            column[self.size] = torch.as_tensor(value, dtype=torch.float32)
        self.size += 1

    def sample(self, count: int) -> Iterator[Tensor]:
        """Draws rows, with replacement."""
        rows = torch.randint(self.size, (count,))
        return (column[rows] for column in self.columns)


def step_down(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """Moves the optimizer's parameters against the gradient of a loss."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def evaluate(actor: Actor, env: gymnasium.Env[Any, Any], episodes: int) -> float:
    """Share of episodes that end in success, on scenes of seed 1000 and those that follow."""
    successes = 0
    for episode in range(episodes):
        observation, info = env.reset(seed=1000 + episode)
        is_over = False
        while not is_over:
            with torch.no_grad():
                action = actor(torch.as_tensor(observation))[2].numpy()
            observation, _, terminated, truncated, info = env.step(action)
            is_over = terminated or truncated
        successes += info["success"]
    return successes / episodes


def main() -> None:
    """Learns, saying how far it is after every ten episodes, then evaluates."""
    args = parse()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)  # Networks this small gain nothing from more.
    env = FlattenObservation(serl_client.make_training_env(args.env_id, address=args.address, reward=args.reward))
    env.action_space.seed(args.seed)
    sizes = flatdim(env.observation_space), flatdim(env.action_space)
    actor, critics, targets = Actor(*sizes), Critics(*sizes), Critics(*sizes)
    targets.load_state_dict(critics.state_dict())
    log_alpha = torch.tensor(np.log(args.temperature), dtype=torch.float32, requires_grad=True)
    target_entropy = -0.5 * sizes[1]
    actor_optimizer = torch.optim.Adam(actor.parameters(), args.learning_rate)
    critic_optimizer = torch.optim.Adam(critics.parameters(), args.learning_rate)
    alpha_optimizer = torch.optim.Adam([log_alpha], args.learning_rate)
    replay = Replay(args.total_steps, *sizes)

    def update_critics() -> Tensor:
        observation, action, reward, following, terminated = replay.sample(args.batch_size)
        with torch.no_grad():
            # A truncated episode would have gone on, so that it bootstraps as well.
            next_value = (1.0 - terminated.squeeze(-1)) * targets(following, actor(following)[0]).amin(0)
            target = reward.squeeze(-1) + args.gamma * next_value
        loss = (critics(observation, action) - target).square().mean(-1).sum()
        step_down(critic_optimizer, loss)
        with torch.no_grad():
            for ours, theirs in zip(targets.parameters(), critics.parameters(), strict=True):
                ours.lerp_(theirs, args.tau)
        return observation

    def update_policy(observation: Tensor) -> None:
        sampled, log_density, _ = actor(observation)
        entropy_cost = log_alpha.exp().detach() * log_density
        step_down(actor_optimizer, (entropy_cost - critics(observation, sampled).mean(0)).mean())
        step_down(alpha_optimizer, -(log_alpha.exp() * (log_density.detach() + target_entropy)).mean())

    started, returns, sums = time.perf_counter(), 0.0, []
    observation, _ = env.reset(seed=args.seed)
    for step in range(1, args.total_steps + 1):
        if step <= args.learning_starts:
            action = env.action_space.sample()
        else:
            with torch.no_grad():
                action = actor(torch.as_tensor(observation))[0].numpy()
        following, reward, terminated, truncated, info = env.step(action)
        replay.add(observation, action, reward, following, terminated)
        observation, returns = following, returns + float(reward)
        if terminated or truncated:
            sums.append((returns, info["success"]))
            if len(sums) % 10 == 0:
                mean_return, success = np.mean(sums[-10:], axis=0)
                rate = step / (time.perf_counter() - started)
                print(f"step {step}: return {mean_return:.2f}, success {success:.1f}, {rate:.0f} steps/s", flush=True)
            observation, returns = env.reset()[0], 0.0
        if step > args.learning_starts:
            update_policy([update_critics() for _ in range(args.critic_updates)][-1])

    ratio = evaluate(actor, env, args.episodes)
    print(f"success {ratio:.2f} of {args.episodes} episodes after {args.total_steps} steps")
    env.close()


if __name__ == "__main__":
    main()
