"""Experiment with the USB stick."""

from dataclasses import replace

from serl_rl.envs.config import EnvironmentConfig
from serl_tasks.peg_insert.preset import PEG_INSERT

USB_INSERT = replace(PEG_INSERT, environment=EnvironmentConfig(id="serl/UsbInsert-v0", rotation=True))
