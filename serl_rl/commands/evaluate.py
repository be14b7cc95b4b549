"""`serl-train evaluate`: success rate of a checkpoint's policy, and a video."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import tyro

from serl_rl.classifier.config import ClassifierRewardConfig
from serl_rl.commands.options import ConfigFile, PresetName
from serl_rl.config import EnvironmentConfig, TrainConfig
from serl_rl.environment import RobotConfig

DEFAULT_SEED = 500_000


@dataclass(frozen=True, kw_only=True)
class EvaluateCommand:
    """Evaluate the policy of a checkpoint, deterministically, and print its success rate as JSON.

    Try:
    serl-train evaluate --checkpoint runs/pick-cube --episodes 100

    serl-train evaluate --checkpoint runs/cube --own-reward

    serl-train evaluate --checkpoint runs/pick-cube/checkpoint --robot robot-pc:50051 --episodes 10 --video policy.mp4
    """

    checkpoint: Path
    """A checkpoint, or the folder of a run."""
    episodes: int = 100
    """Number of episodes."""
    evaluation_seed: int = DEFAULT_SEED
    """Seed of the first episode; the others count up."""
    robot: Annotated[RobotConfig, tyro.conf.arg(name="")] = field(default_factory=RobotConfig)
    """Which daemon drives the arm."""
    own_reward: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Judge by the simulator's own reward in place of the classifier that the policy was trained with."""
    video: Path | None = None
    """MP4 file to write."""
    video_episodes: int = 5
    """Episodes in the video."""
    preset: tyro.conf.Suppress[PresetName] = "pick-cube"
    config_file: tyro.conf.Suppress[ConfigFile] = None
    config: tyro.conf.Suppress[TrainConfig] = field(default_factory=TrainConfig)

    def run(self) -> int:
        """Evaluates."""
        from serl_rl.environment import make_environment
        from serl_rl.evaluation import EvaluationResult, evaluate
        from serl_rl.saved_policy import load_policy
        from serl_rl.stopping import StopSignal
        from serl_rl.video import record_frames, write_video

        stop = StopSignal().install()
        policy, config, manifest = load_policy(self.checkpoint)
        environment = with_own_reward(config.environment) if self.own_reward else config.environment
        env = make_environment(environment, self.robot)
        try:

            def is_stopped(result: EvaluationResult) -> bool:
                return stop.is_set()

            result = evaluate(env, policy, self.episodes, self.evaluation_seed, is_stopped)
            wanted = self.video is not None and not stop.is_set()
            frames = (
                record_frames(env, policy, self.video_episodes, self.evaluation_seed, stop.is_set) if wanted else []
            )
        finally:
            env.close()
        if self.video is not None and frames:
            sys.stderr.write(f"video: {write_video(frames, self.video)}\n")
        report = result_values(result) | {
            "policy_version": manifest["policy_version"],
            "env_steps": manifest["env_steps"],
        }
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
        return 0


def with_own_reward(config: EnvironmentConfig) -> EnvironmentConfig:
    """The same environment without a classifier: its task says what a success is."""
    return replace(config, reward="sparse", classifier=ClassifierRewardConfig())


def result_values(result: Any) -> dict[str, Any]:  # noqa: ANN401 - an EvaluationResult, imported late.
    """An evaluation as plain values."""
    lower, upper = result.interval
    return {
        "episodes": result.episode_count,
        "successes": result.success_count,
        "success_ratio": round(result.success_ratio, 4),
        "wilson_interval_95": [round(lower, 4), round(upper, 4)],
        "mean_return": round(result.mean_return, 4),
        "mean_steps": round(result.mean_step_count, 2),
    }
