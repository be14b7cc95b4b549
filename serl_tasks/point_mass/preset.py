"""Experiments for tests: `debug` trains a few updates without a simulator, `debug-vice` more."""

from __future__ import annotations

from dataclasses import replace

from serl_rl.algorithms.sac.config import SacConfig
from serl_rl.config.presets import with_vice
from serl_rl.config.train import ActorConfig, LearnerConfig, TrainConfig
from serl_rl.envs.config import EnvironmentConfig
from serl_rl.envs.evaluation import EvaluationConfig
from serl_rl.rewards.vice_config import ViceConfig

DEBUG = TrainConfig(
    environment=EnvironmentConfig(id="serl/PointMass-v0"),
    sac=SacConfig(hidden_sizes=(16, 16), batch_size=16, critic_updates_per_actor_update=2, compile="off"),
    learner=LearnerConfig(
        warm_up_steps=20,
        update_to_data_ratio=1.0,
        replay_capacity=10_000,
        publish_updates=2,
        publish_period_s=0.05,
        checkpoint_period_s=0.5,
        metrics_period_s=0.1,
        max_env_steps=400,
        threads=1,
        device="cpu",
    ),
    actor=ActorConfig(random_steps=10),
    evaluation=EvaluationConfig(episode_count=4, check_episode_count=2, shortest_gap_steps=50, longest_gap_steps=200),
    demonstration_count=2,
)

# Large enough to reach the centre and stay there, from what the classifier says alone.
DEBUG_VICE = with_vice(
    replace(
        DEBUG,
        sac=replace(
            DEBUG.sac,
            hidden_sizes=(64, 64),
            batch_size=64,
            discount=0.9,
            target_update_rate=0.02,
            learning_rate=1e-3,
            initial_temperature=0.05,
        ),
        learner=replace(DEBUG.learner, warm_up_steps=100, update_to_data_ratio=2.0, max_env_steps=3000),
        evaluation=EvaluationConfig(
            episode_count=20, check_episode_count=5, shortest_gap_steps=200, longest_gap_steps=400
        ),
        demonstration_count=10,
    ),
    ViceConfig(batch_size=64, hidden_size=64, learning_rate=1e-3, gradient_penalty=0.1),
)
