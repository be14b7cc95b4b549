"""Experiment with the egg."""

from dataclasses import replace

from serl_rl.envs.config import EnvironmentConfig
from serl_tasks.peg_insert.preset import PEG_INSERT

EGG_FLIP = replace(PEG_INSERT, environment=EnvironmentConfig(id="serl/EggFlip-v0", rotation=True, control="wrench"))
