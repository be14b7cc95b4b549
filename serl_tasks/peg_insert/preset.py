"""Experiment with the peg."""

from serl_rl.algorithms.sac.config import SacConfig
from serl_rl.config.train import TrainConfig
from serl_rl.envs.config import EnvironmentConfig

# The reward is 1 at success, which ends the episode, and 0 before: no return is outside [0, 1].
PEG_INSERT = TrainConfig(
    environment=EnvironmentConfig(id="serl/PegInsert-v0", rotation=True),
    sac=SacConfig(adam_clock="joint", return_range=(0.0, 1.0)),
)
