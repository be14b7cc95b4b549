"""`serl-train forward-backward`: trains two opposite tasks on one arm, which set the scene for each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from serl_api.settings import AT_LEAST_1
from serl_rl.cli.options import Experiment, PresetName, refuse_keyboard
from serl_rl.config.train import TrainConfig


@dataclass(frozen=True, kw_only=True)
class ForwardBackwardCommand(Experiment):
    """Train two opposite tasks in simulation at once: each success sets the scene for the other task.

    Starts a simulator, two learners and one actor as processes that talk gRPC on loopback, records scripted
    demonstrations of both tasks, and stops when the evaluations of both reach their target. A killed process comes back
    and goes on. Each direction leaves a run of its own, for `evaluate`, `plot` and the like.

    Try:
    serl-train forward-backward --preset relocate-cube

    serl-train forward-backward --preset relocate-cube --seed 3 --name third --learner.max-env-steps 20000

    serl-train evaluate --checkpoint runs/relocate-cube/backward --video back.mp4
    """

    preset: PresetName = "relocate-cube"
    config: Annotated[TrainConfig, tyro.conf.arg(name="")] = field(default_factory=TrainConfig)
    """The forward experiment; the backward one is the same on the opposite task. Each value can be overridden."""
    name: str | None = None
    """Name of the run; by default the preset's, numbered."""
    runs: Path = Path("runs")
    """Folder of all runs."""
    evaluation_episodes: Annotated[int, AT_LEAST_1] = 100
    """Episodes of the final evaluation of each checkpoint."""

    def run(self) -> int:
        """Trains; exits with 1 if a target was not reached, 0 if both were or if it was stopped by a signal."""
        from serl_api.lifetime.stop_signal import StopSignal
        from serl_rl.artifacts import run_directory
        from serl_rl.envs.factory import check_environment
        from serl_rl.runs.forward_backward.task_pair import opposite_id
        from serl_rl.runs.forward_backward.training import PairTraining

        check_environment(self.config.environment)  # Refused before a folder is made.
        opposite_id(self.config.environment.id)
        refuse_keyboard(self.config)
        stop = StopSignal().install()
        directory = run_directory.create(self.runs, self.name, self.preset)
        is_reached = PairTraining(self.config, directory, self.evaluation_episodes, stop).run()
        return 0 if is_reached or stop.is_set() else 1
