"""Experiment with the cable."""

from dataclasses import replace

from serl_rl.envs.config import EnvironmentConfig
from serl_tasks.peg_insert.preset import PEG_INSERT

CABLE_ROUTE = replace(PEG_INSERT, environment=EnvironmentConfig(id="serl/CableRoute-v0", rotation=True))
