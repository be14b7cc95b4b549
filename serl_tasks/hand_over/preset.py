"""Experiment with the hand-over."""

from dataclasses import replace

from serl_rl.envs.config import EnvironmentConfig
from serl_tasks.peg_insert.preset import PEG_INSERT

HAND_OVER = replace(
    PEG_INSERT,
    environment=EnvironmentConfig(id="serl/HandOver-v0", rotation=True, gripper_action="binary", gripper_penalty=0.02),
    sac=replace(PEG_INSERT.sac, grippers=2),
)
"""A grasp critic chooses for both grippers, as HIL-SERL does."""
