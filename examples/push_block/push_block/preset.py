"""The experiment: SERL's settings, 20 scripted demonstrations."""

from serl_rl.algorithms.sac.config import SacConfig
from serl_rl.config.train import TrainConfig
from serl_rl.envs.config import EnvironmentConfig
from serl_rl.envs.evaluation import EvaluationConfig

# The reward is 1 at success, which ends the episode, and 0 before: no return is outside [0, 1].
PUSH_BLOCK = TrainConfig(
    environment=EnvironmentConfig(id="push_block/PushBlock-v0"),
    sac=SacConfig(adam_clock="joint", return_range=(0.0, 1.0)),
    evaluation=EvaluationConfig(target_success_ratio=0.97),
    demonstration_count=20,
)
