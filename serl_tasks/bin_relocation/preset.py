"""Experiments with the bins; `forward-backward` trains both on one arm."""

from dataclasses import replace

from serl_rl.envs.config import EnvironmentConfig
from serl_tasks.relocate_cube.preset import RELOCATE_FORWARD

BIN_FORWARD = replace(RELOCATE_FORWARD, environment=EnvironmentConfig(id="serl/BinForward-v0"))
BIN_BACKWARD = replace(RELOCATE_FORWARD, environment=EnvironmentConfig(id="serl/BinBackward-v0"))
