"""Experiment that imitates the script that hesitates before it grasps, by chunks of actions."""

from serl_rl.algorithms.act.config import ActConfig, ExecutionConfig
from serl_rl.config.train import TrainConfig
from serl_rl.envs.config import EnvironmentConfig

# Of a second that is predicted, 0.4 s are executed: as long as what is left of most hesitations, half of which lasts
# 0.3 s at most, so that a chunk that begins in one ends after it. With less, the next one would begin to hesitate anew.
PICK_CUBE_HESITANT_ACT = TrainConfig(
    environment=EnvironmentConfig(id="serl/PickCubeHesitant-v0"),
    algorithm="act",
    algorithm_config=ActConfig(chunk_size=20, latent_size=0, execution=ExecutionConfig(executed_steps=8)),
    demonstration_count=50,
)
