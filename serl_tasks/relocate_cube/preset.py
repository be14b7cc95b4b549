"""Experiments of two tasks that undo each other; `forward-backward` trains both on one arm."""

from dataclasses import replace

from serl_rl.algorithms.sac.config import SacConfig
from serl_rl.config.train import TrainConfig
from serl_rl.envs.config import EnvironmentConfig

# The reward is 1 at success, which ends the episode, and 0 before: no return is outside [0, 1].
RELOCATE_FORWARD = TrainConfig(
    environment=EnvironmentConfig(id="serl/RelocateForward-v0"),
    sac=SacConfig(adam_clock="joint", return_range=(0.0, 1.0)),
)
RELOCATE_BACKWARD = replace(RELOCATE_FORWARD, environment=EnvironmentConfig(id="serl/RelocateBackward-v0"))
