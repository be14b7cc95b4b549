"""Time and motion at the borders of chunks, with a network that is slow on purpose, before a simulator in real time.

`python -m benchmarks.chunk_borders --checkpoint RUN [--latency-ms 200] [--episodes 5]`. Not part of `make bench`: it
needs a policy of act. The daemon's own stamps are the judge.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from serl_api.enums import Pacing
from serl_rl.algorithms.act.config import ExecutionConfig
from serl_rl.algorithms.act.policy import ChunkPolicy
from serl_rl.config.train import TrainConfig
from serl_rl.envs.factory import RobotConfig, make_environment, simulator_scene
from serl_rl.policies.saved import load_policy
from simulator.api.server import build_server

SEED = 500_000


class SlowPolicy:
    """Predicts later than the network did; remembers at which steps chunks were asked for and entered."""

    def __init__(self, policy: ChunkPolicy, latency_s: float) -> None:
        self.policy, self.calls = policy, 0
        predict = policy.predict

        def slowly(observation: Any) -> np.ndarray:
            self.calls += 1
            chunk = predict(observation)
            time.sleep(latency_s)
            return chunk

        policy._executor._predict = slowly  # type: ignore[union-attr]


def run(env: Any, slow: SlowPolicy, seed: int) -> tuple[list[int], list[np.ndarray], list[np.ndarray], bool]:
    """Runs an episode; returns stamps, positions of the TCP, actions, and success."""
    rng, stamps, places, actions = np.random.default_rng(0), [], [], []
    observation, info = env.reset(seed=seed)
    slow.policy.begin_episode()
    is_over = False
    while not is_over:
        action = slow.policy.act(observation, rng, deterministic=True)
        observation, _, terminated, truncated, info = env.step(action)
        stamps.append(info["stamp_ns"])
        places.append(info["tcp_pose"][:3])
        actions.append(action)
        is_over = terminated or truncated
    return stamps, places, actions, bool(info["success"])


def measure(checkpoint: Path, config: TrainConfig, execution: ExecutionConfig, latency_s: float, episodes: int) -> str:
    """Returns the figures of one way to execute chunks, as a row of a table."""

    def executed(config: TrainConfig) -> TrainConfig:
        return replace(config, algorithm_config=replace(config.algorithm_config, execution=execution))

    policy, _, _ = load_policy(checkpoint, executed)
    assert isinstance(policy, ChunkPolicy)
    slow, scene = SlowPolicy(policy, latency_s), simulator_scene(config.environment)
    assert scene is not None
    server = build_server(scene, Pacing.REAL_TIME)
    address = server.start()
    gaps, speeds, jumps, successes = [], [], [], 0
    try:
        env = make_environment(config.environment, RobotConfig(robot=address))
        with contextlib.closing(env):
            for index in range(episodes):
                stamps, places, actions, success = run(env, slow, SEED + index)
                times = np.diff(stamps) * 1e-9
                gaps.append(times)
                speeds.append(np.linalg.norm(np.diff(places, axis=0), axis=1) / times)
                jumps.append(np.abs(np.diff([action[:3] for action in actions], axis=0)).max())
                successes += success
    finally:
        server.stop()
    gap, speed = np.concatenate(gaps), np.concatenate(speeds)
    return (
        f"| {execution.mode} | {np.median(gap) * 1e3:.0f} | {gap.max() * 1e3:.0f} | {(gap > 0.15).sum()} | "
        f"{speed.max():.2f} | {max(jumps):.2f} | {slow.calls} | {successes}/{episodes} |"
    )


def main() -> None:
    """Prints a row for each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--latency-ms", type=float, default=200.0)
    parser.add_argument("--episodes", type=int, default=5)
    given = parser.parse_args()
    _, config, _ = load_policy(given.checkpoint)
    print(
        "| chunks | median step, ms | longest, ms | steps above 150 ms | top speed, m/s | largest change | predictions "
        "| success |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for execution in (
        ExecutionConfig(mode="open-loop", executed_steps=5),
        ExecutionConfig(mode="real-time", executed_steps=5),
    ):
        print(measure(given.checkpoint, config, execution, given.latency_ms * 1e-3, given.episodes), flush=True)


if __name__ == "__main__":
    main()
