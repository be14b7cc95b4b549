"""Learns to lift a cube with Stable-Baselines3's SAC in a private simulator: nothing of `serl_rl` is used.

pip install 'serl-robot[simulator]' stable-baselines3
python examples/stable_baselines3_sac.py --steps 20000
python examples/stable_baselines3_sac.py --address 127.0.0.1:50051      # on any daemon that tracks a cube
"""

import argparse
from typing import Any

import gymnasium
import torch
from gymnasium.wrappers import FlattenObservation
from stable_baselines3 import SAC

import serl_client


def make_env(address: str | None = None) -> gymnasium.Env[Any, Any]:
    """`gymnasium.make("serl/PickCube-v0", reward="dense")`, its state flattened to the one vector that an MLP reads."""
    return FlattenObservation(serl_client.make_training_env("serl/PickCube-v0", address=address, reward="dense"))


def success_ratio(model: SAC, env: gymnasium.Env[Any, Any], episodes: int) -> float:
    """Share of episodes in which the cube is up at the end, on scenes of seed 1000 and those that follow."""
    successes = 0
    for episode in range(episodes):
        observation, info = env.reset(seed=1000 + episode)
        is_over = False
        while not is_over:
            action, _ = model.predict(observation, deterministic=True)
            observation, _, terminated, truncated, info = env.step(action)
            is_over = terminated or truncated
        successes += info["success"]
    return successes / episodes


def main() -> None:
    """Learns, then evaluates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", help="daemon to drive; left out: a private simulator")
    parser.add_argument("--steps", type=int, default=20_000, help="environment steps")
    parser.add_argument("--learning-starts", type=int, default=500, help="random steps at the start")
    parser.add_argument("--episodes", type=int, default=20, help="episodes of the evaluation")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)  # Networks this small gain nothing from more.

    env = make_env(options.address)
    try:
        model = SAC(
            "MlpPolicy",
            env,
            gamma=0.96,  # An episode has 60 steps, ten a second.
            ent_coef="auto_0.01",
            target_entropy=-2.0,
            learning_starts=options.learning_starts,
            seed=options.seed,
            device="cpu",
            verbose=1,
        )
        model.learn(options.steps, log_interval=10)
        ratio = success_ratio(model, env, options.episodes)
        print(f"success {ratio:.2f} of {options.episodes} episodes after {options.steps} steps")
    finally:
        env.close()


if __name__ == "__main__":
    main()
