"""`serl-train record-demos`: records demonstrations of the scripted expert."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from serl_rl.commands.options import ConfigFile, PresetName
from serl_rl.config import TrainConfig
from serl_rl.environment import RobotConfig
from serl_rl.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class RecordCommand:
    """Record demonstrations of the scripted expert into one episode file.

    Try:
    serl-train record-demos --output cube.episodes --demonstration-count 20

    serl-train record-demos --output cube.episodes --robot 127.0.0.1:50051
    """

    output: Path
    """Episode file to write; must not exist."""
    preset: PresetName = "pick-cube"
    config_file: ConfigFile = None
    config: Annotated[TrainConfig, tyro.conf.arg(name="")] = field(default_factory=TrainConfig)
    """The experiment; each value can be overridden."""
    robot: Annotated[RobotConfig, tyro.conf.arg(name="")] = field(default_factory=RobotConfig)
    """Which daemon drives the arm."""

    def run(self) -> int:
        """Records, with a line for each episode."""
        from serl_rl.demonstrations import record
        from serl_rl.environment import make_environment

        if self.output.exists():
            raise UsageError(f"{self.output} exists already; give another --output, or remove it")
        config = self.config
        env = make_environment(config.environment, self.robot)
        try:
            record(env, config, self.output, lambda progress: _say(progress.recorded, config.demonstration_count))
        except KeyboardInterrupt:
            sys.stderr.write(f"stopped; the episodes so far are in {self.output}\n")
        finally:
            env.close()
        return 0


def _say(done: int, wanted: int) -> None:
    sys.stderr.write(f"demonstration {done} of {wanted}\n")
