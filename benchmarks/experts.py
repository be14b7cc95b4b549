"""Counts how often the scripted expert of each task succeeds: `python -m benchmarks.experts` prints a row a task."""

import argparse

import numpy as np

from serl_client.envs.registration import make_training_env
from serl_client.envs.task_finding import find_task
from serl_client.episodes.recording import run_episode

TASKS = (
    "PickCube",
    "PegInsert",
    "PcbInsert",
    "RamInsert",
    "UsbInsert",
    "HandOver",
    "RelocateForward",
    "RelocateBackward",
    "BinForward",
    "BinBackward",
    "CableRoute",
    "EggFlip",
)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--noise", type=float, default=0.2)
    parser.add_argument("--tasks", nargs="+", default=TASKS, help="names without serl/ and -v0")
    options = parser.parse_args()
    for name in options.tasks:
        env_id = f"serl/{name}-v0"
        task = find_task(env_id)
        env = make_training_env(env_id)
        seeds = range(options.episodes)
        episodes = [run_episode(env, task.expert(task, noise=options.noise, seed=seed), seed=seed) for seed in seeds]
        env.close()
        steps = np.mean([len(episode) for episode in episodes if episode.success])
        successes = sum(episode.success for episode in episodes)
        print(f"| `{env_id}` | {successes} of {len(episodes)} | {steps:.0f} |", flush=True)


if __name__ == "__main__":
    main()
