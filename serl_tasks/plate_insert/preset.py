"""Experiments with the board and the memory module."""

from dataclasses import replace

from serl_rl.envs.config import EnvironmentConfig
from serl_tasks.peg_insert.preset import PEG_INSERT

PCB_INSERT = replace(PEG_INSERT, environment=EnvironmentConfig(id="serl/PcbInsert-v0", rotation=True))
RAM_INSERT = replace(PEG_INSERT, environment=EnvironmentConfig(id="serl/RamInsert-v0", rotation=True))
